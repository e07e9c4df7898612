"""For signatures."""

KEY = 7
OLD_KEY = 5
