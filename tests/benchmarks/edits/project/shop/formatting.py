"""How things are shown."""

import enum

LABELS = {"customer": "customer ", "order": "order "}
TITLES = {name: name.title() for name in ("orders", "customers")}


class Style(enum.Enum):
    """Of labels."""

    PLAIN = "{}"
    LOUD = "{}!"

    def dress(self, text):
        return self.value.format(text)


def heading(name):
    return f"{TITLES[name]}: {_line()}"


def _line():
    return "-" * 5
