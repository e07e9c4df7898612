"""Functions that make functions."""

import functools


def bounded(function):
    """Decorates what gives a list of numbers: none is over 1,000."""

    @functools.wraps(function)
    def inside(*arguments):
        return [min(number, 1000.0) for number in function(*arguments)]

    return inside


def rolling(size):
    @bounded
    def average(numbers):
        means = []
        for place in range(len(numbers)):
            part = numbers[max(0, place - size + 1) : place + 1]
            means.append(sum(part) / len(part))
        return means

    return average


def scaled(factor, number):
    return number * factor


halved = functools.partial(scaled, 0.5)
doubled = functools.partial(scaled, 2)
