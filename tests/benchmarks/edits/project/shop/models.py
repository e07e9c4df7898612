"""Scores."""


class Root:
    """What all share."""

    floor = 0.0

    def base(self):
        return 1.0


class Model(Root):
    """Scores one by one."""

    def __init__(self, steep):
        self.steep = steep

    def score(self, values):
        return [max(self.floor, self.one(value)) for value in values]

    def one(self, value):
        return value * self.steep + self.base() + self.weight


class Weighted:
    """Adds a weight."""

    @property
    def weight(self):
        return 0.25


class Trend(Weighted, Model):
    """The one that is used."""


class Flat(Model):
    """Not used."""

    weight = 0

    def one(self, value):
        return 1
