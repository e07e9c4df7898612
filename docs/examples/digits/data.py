"""The scans, and the three parts that they are split into."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FEWEST_SCANS = 200


def load_scans(limit):
    """The first `limit` scans of handwritten digits that come with scikit-learn.

    Returns a dict: `images` (n, 8, 8) with ink from 0 to 16, `labels` (n,) from 0 to 9, and
    `numbers` (n,), the place of each scan in the data set.
    """
    digits = load_digits()
    most = len(digits.target)
    if not FEWEST_SCANS <= limit <= most:
        raise ValueError(f"limit is {limit}; it must lie between {FEWEST_SCANS} and {most}")
    return {
        "images": digits.images[:limit].astype(np.float32),
        "labels": digits.target[:limit],
        "numbers": np.arange(limit),
    }


def split_scans(scans, validation_share, test_share, seed):
    """Three parts with the same share of every digit: train, validation and test."""
    labels = scans["labels"]
    learn, test = train_test_split(
        np.arange(len(labels)), test_size=test_share, stratify=labels, random_state=seed
    )
    train, validation = train_test_split(
        learn,
        test_size=validation_share / (1 - test_share),
        stratify=labels[learn],
        random_state=seed,
    )
    parts = {"train": train, "validation": validation, "test": test}
    return {name: take(scans, np.sort(chosen)) for name, chosen in parts.items()}


def take(scans, chosen):
    """The chosen scans, in the order of `chosen`."""
    return {name: values[chosen] for name, values in scans.items()}
