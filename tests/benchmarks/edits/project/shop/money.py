"""Amounts."""

from dataclasses import dataclass

CENTS = 2
CURRENCY = "EUR"


@dataclass
class Price:
    """Of one order."""

    amount: float
    quantity: int
    tax: float = 0.2

    def total(self, rate, *, shipping=1.5):
        return rounded(self.net() * (1 + self.tax) * rate + shipping)

    def net(self):
        return self.amount * self.quantity

    def shown(self):
        return f"{self.net()} {CURRENCY}"


def rounded(value, digits=CENTS):
    return round(value, digits)
