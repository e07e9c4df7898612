"""Shared code."""

from shop.text import squeeze
from shop.tools import stopwatch

VERSION = "1"
__all__ = ["squeeze", "stopwatch"]
