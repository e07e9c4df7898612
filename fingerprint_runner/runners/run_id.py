"""`new_run_id`: what a run is called."""

from __future__ import annotations

import os
import time


def new_run_id() -> str:
    """Unique; sorts by time, to the microsecond: `20260101T120000-` and ten hexadecimal digits."""
    now = time.time()
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    return f"{moment}-{int(now % 1 * 1e6):05x}{os.urandom(3).hex()[:5]}"
