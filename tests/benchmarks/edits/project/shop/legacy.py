"""Nobody imports this."""

LIMIT = 1


def old(x):
    return x - LIMIT
