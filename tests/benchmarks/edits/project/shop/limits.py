"""Bounds."""

BASE = 100.0
HIGHEST = BASE * 5
LOWEST = 0.5
