"""Lets the tests here ask about the same graph files as those of the JSON Schema."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
