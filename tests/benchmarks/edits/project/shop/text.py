"""Text."""

import re

SEPARATOR = ","
BLANKS = r"\s+"
WIDTH = 12
SPARE = 80


def fields(line):
    """The cells of a line."""
    return [_stripped(cell) for cell in line.split(SEPARATOR)]


def squeeze(text):
    """Without blanks that say nothing."""
    return re.sub(BLANKS, " ", text)[:WIDTH].lower()


def _stripped(cell):
    return cell.strip()


def wrapped(text):
    return text.ljust(SPARE)
