"""How good answers are, how models vote, and the table that compares them.

Answers are what a model gives for a part: (n, 10) probabilities, a row a scan, a column a digit.
"""

import numpy as np
from sklearn.metrics import f1_score


def accuracy(answers, labels):
    """The share of scans that were read as the digit that was written."""
    return float(np.mean(answers.argmax(axis=1) == labels))


def vote(parts, sharpness, **models):
    """A vote in which models weigh more the better they read the validation part.

    The test part has no say: it is there to show how good the vote is.
    """
    names = sorted(models)
    labels = parts["validation"]["labels"]
    weights = vote_weights([accuracy(models[name]["validation"], labels) for name in names], sharpness)
    together = {
        part: sum(weight * models[name][part] for name, weight in zip(names, weights, strict=True))
        for part in ("validation", "test")
    }
    return {**together, "weights": dict(zip(names, weights.tolist(), strict=True))}


def vote_weights(accuracies, sharpness):
    """Weights that sum to 1 and grow with accuracy: `exp(sharpness * accuracy)`, normalised."""
    accuracies = np.asarray(accuracies)
    weights = np.exp(sharpness * (accuracies - accuracies.max()))
    return weights / weights.sum()


def compare(parts, ensemble, **models):
    """One row a model: how well it reads, and how much it weighs in the vote; the best first."""
    labels = {part: parts[part]["labels"] for part in ("validation", "test")}
    rows = []
    for name, answers in {**models, "ensemble": ensemble}.items():
        read = answers["test"].argmax(axis=1)
        weight = ensemble["weights"].get(name)
        rows.append(
            {
                "model": name,
                "validation_accuracy": round(accuracy(answers["validation"], labels["validation"]), 4),
                "test_accuracy": round(accuracy(answers["test"], labels["test"]), 4),
                "test_macro_f1": round(float(f1_score(labels["test"], read, average="macro")), 4),
                "test_mistakes": int(np.sum(read != labels["test"])),
                "weight": None if weight is None else round(weight, 3),
            }
        )
    return sorted(rows, key=lambda row: (row["test_mistakes"], row["model"]))
