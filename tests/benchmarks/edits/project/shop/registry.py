"""Rules by name."""

RULES = {}


def register(name):
    """Decorates a rule."""

    def add(rule):
        RULES[name] = rule
        return rule

    return add
