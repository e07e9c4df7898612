"""Settings, which a module `local_settings` beside the project may override."""

SPARE = 2
NOTE = "plan"
try:
    from local_settings import SPARE  # noqa: F401
except ImportError:
    pass
