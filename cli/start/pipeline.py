"""The steps of fr.yml: plain functions, which take what they need by name and return what they made."""

import csv
import math
import random
from pathlib import Path

from fingerprint_runner import OutputDirectory

MEASURES = ("length_mm", "width_mm", "stalk_mm")


def load_leaves():
    # Paths are relative to fr.yml. It names this file under `files`.
    with open("data/leaves.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{"species": row["species"], "measures": [float(row[name]) for name in MEASURES]} for row in rows]


def split(leaves, test_share, seed):
    # A fixed seed: the same inputs must give the same output, or a cached one isn't worth much.
    shuffled = list(leaves)
    random.Random(seed).shuffle(shuffled)
    count = round(len(shuffled) * test_share)
    return {"train": shuffled[count:], "test": shuffled[:count]}


def train(leaves, smoothing):
    """Mean and variance of each measure, species by species (naive Bayes)."""
    model = {}
    for species in sorted({leaf["species"] for leaf in leaves}):
        columns = zip(*(leaf["measures"] for leaf in leaves if leaf["species"] == species))
        model[species] = [[mean(column), variance(column) + smoothing] for column in map(list, columns)]
    return model


def evaluate(model, leaves):
    counts = {}
    for leaf in leaves:
        pair = f"{leaf['species']} taken for {guess(model, leaf['measures'])}"
        counts[pair] = counts.get(pair, 0) + 1
    right = sum(count for pair, count in counts.items() if len(set(pair.split(" taken for "))) == 1)
    return {"accuracy": right / len(leaves), "counts": dict(sorted(counts.items()))}


def write_report(score, folder: OutputDirectory):
    # A parameter annotated OutputDirectory is an empty folder; what is put there is the node's output.
    lines = [f"# {score['accuracy']:.0%} of the leaves are told right", ""]
    lines += [f"- {count} x {pair}" for pair, count in score["counts"].items()]
    Path(folder, "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def guess(model, measures):
    return max(model, key=lambda species: likelihood(model[species], measures))


def likelihood(parameters, measures):
    return sum(
        -math.log(spread) / 2 - (measure - middle) ** 2 / (2 * spread)
        for (middle, spread), measure in zip(parameters, measures)
    )


def mean(numbers):
    return sum(numbers) / len(numbers)


def variance(numbers):
    middle = mean(numbers)
    return sum((number - middle) ** 2 for number in numbers) / len(numbers)
