"""How Hypothesis draws its examples.

The ordinary run draws the same examples every time, so that what passed once passes again. The full run
(`FR_TEST_FULL=1`) draws new ones, and that is where a counterexample nobody thought of is found.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ordinary", derandomize=True, database=None)
settings.register_profile("full", print_blob=True)
settings.load_profile("full" if os.environ.get("FR_TEST_FULL") == "1" else "ordinary")
