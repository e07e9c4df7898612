"""`user_traceback`: an exception's traceback as its author wants to read it.

Invariant: frames of this engine and of the import machinery are left out; chained exceptions stay.
"""

from __future__ import annotations

import traceback
from pathlib import Path

_ENGINE = str(Path(__file__).resolve().parent.parent)
_MACHINERY = ("<frozen importlib", "<frozen runpy")


def user_traceback(error: BaseException) -> str:
    """The text of a traceback without frames of the engine."""
    form = traceback.TracebackException.from_exception(error)
    seen: set[int] = set()
    waiting = [form]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not _is_engine(frame.filename)]
        )
        waiting.extend(other for other in (part.__cause__, part.__context__) if other is not None)
        waiting.extend(part.exceptions or ())
    return "".join(form.format())


def _is_engine(filename: str) -> bool:
    return filename.startswith((_ENGINE, *_MACHINERY)) or filename.endswith("/importlib/__init__.py")
