"""The report: a picture of what the ensemble gets right and wrong, and a table of all models."""

import csv

import numpy as np
from fingerprint_runner import OutputDirectory
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix as count_confusions

from charts import FONT, QUIET_COLOR, TEXT_COLOR, confusion_matrix, heading, mistake_bars, scan

PAGE = (13.0, 12.6)
"""Width and height of the picture, in inches; all places below are shares of them."""

MARGIN = 0.05
COLUMNS = 6
ROWS = 2
"""Scans in a row of the gallery, and the rows that there is room for."""


def write_report(scans, answers, comparison, title, examples, folder: OutputDirectory):
    """Write `report.png`, `comparison.csv` and `comparison.md` into `folder`.

    Nothing is returned: the folder is what this node puts out.
    """
    if not 0 <= examples <= ROWS * COLUMNS:
        raise ValueError(f"examples is {examples}; there is room for {ROWS * COLUMNS}")
    with rc_context({"font.family": FONT}):
        figure = draw(scans, answers, comparison, title, examples)
        # Without the name of matplotlib's version in it, the same picture is the same bytes.
        figure.savefig(folder / "report.png", dpi=120, metadata={"Software": None})
    write_csv(comparison, folder / "comparison.csv")
    (folder / "comparison.md").write_text(markdown(title, comparison), encoding="utf-8")


def draw(scans, answers, comparison, title, examples):
    """The whole picture: the matrix and the models side by side, the gallery below them."""
    labels = scans["labels"]
    read = answers.argmax(axis=1)
    right = int(np.sum(read == labels))
    matrix = count_confusions(labels, read, labels=range(answers.shape[1]))

    figure = Figure(figsize=PAGE, facecolor="white")
    FigureCanvasAgg(figure)
    summary = f"The ensemble reads {right} of {len(labels)} test scans as they were written."
    figure.text(MARGIN, 0.948, title, fontsize=25, fontweight="bold", color=TEXT_COLOR)
    figure.text(MARGIN, 0.922, summary, fontsize=14, color=QUIET_COLOR)

    heading(
        figure, MARGIN, 0.858, "What was written, what was read", "Counts of test scans; mistakes are red"
    )
    confusion_matrix(figure.add_axes(square(0.098, 0.448, 4.98)), matrix)

    heading(figure, 0.585, 0.858, "Mistakes by model", "On the test scans, and the share of right answers")
    mistake_bars(figure.add_axes((0.69, 0.448, 0.26, 0.395)), comparison, "ensemble")

    note = "The worst mistakes (red), then the right answers that were closest to going wrong (blue)"
    heading(figure, MARGIN, 0.356, "The hardest scans", note)
    gallery(figure, scans, answers, examples)
    return figure


def gallery(figure, scans, answers, examples):
    """Rows of scans, the hardest first, from the left margin to the right one."""
    labels = scans["labels"]
    read = answers.argmax(axis=1)
    inches = 1.42
    pitch = (1 - 2 * MARGIN - inches / PAGE[0]) / (COLUMNS - 1)
    for place, number in enumerate(hardest(answers, labels)[:examples]):
        row, column = divmod(place, COLUMNS)
        axes = figure.add_axes(square(MARGIN + column * pitch, 0.228 - row * 0.168, inches))
        headline = f"{labels[number]} read as {read[number]}"
        note = f"{answers[number].max():.0%} sure · scan {scans['numbers'][number]}"
        scan(axes, scans["images"][number], headline, note, right=read[number] == labels[number])


def square(left, bottom, inches):
    """The place of square axes: left, bottom, width and height."""
    return left, bottom, inches / PAGE[0], inches / PAGE[1]


def hardest(answers, labels):
    """Places of the scans, those first whose written digit lies furthest behind another one."""
    places = np.arange(len(labels))
    written = answers[places, labels]
    others = answers.copy()
    others[places, labels] = -1.0
    return np.argsort(written - others.max(axis=1), kind="stable")


def write_csv(comparison, path):
    """The table for programs."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(comparison[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(comparison)


def markdown(title, comparison):
    """The table for people."""
    lines = [
        f"# {title}",
        "",
        "| model | validation | test | macro F1 | mistakes | weight |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in comparison:
        weight = "" if row["weight"] is None else f"{row['weight']:.3f}"
        lines.append(
            f"| {row['model']} | {row['validation_accuracy']:.1%} | {row['test_accuracy']:.1%} "
            f"| {row['test_macro_f1']:.3f} | {row['test_mistakes']} | {weight} |"
        )
    return "\n".join(lines) + "\n"
