"""What the report's picture is drawn with. Every function draws where it is told, and reads no data."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyBboxPatch

RIGHT_COLOR = "#1f5f8b"
"""Scans that were read as the digit that was written."""

WRONG_COLOR = "#d1495b"
"""Scans that were read as another digit."""

TEXT_COLOR = "#22303c"
QUIET_COLOR = "#667582"
PLAIN_COLOR = "#b9c5cf"
EMPTY_COLOR = "#f2f5f7"
FONT = "DejaVu Sans"


def heading(figure, left, bottom, text, note):
    """A bold line with a quieter one below it; `left` and `bottom` are shares of the figure."""
    figure.text(left, bottom + 0.021, text, fontsize=14, fontweight="bold", color=TEXT_COLOR)
    figure.text(left, bottom, note, fontsize=10.5, color=QUIET_COLOR)


def quiet_axes(axes):
    """No frame, no tick marks, labels in quiet grey."""
    axes.tick_params(length=0, labelsize=12, labelcolor=QUIET_COLOR)
    for spine in axes.spines.values():
        spine.set_visible(False)


def confusion_matrix(axes, matrix):
    """A tile for each pair of written and read digit: right ones in one colour, mistakes in another."""
    digits = len(matrix)
    mistakes = matrix - np.diag(matrix.diagonal())
    for written in range(digits):
        for read in range(digits):
            count = matrix[written, read]
            if written == read:
                face = shade(RIGHT_COLOR, count / max(matrix.diagonal().max(), 1))
            else:
                face = shade(WRONG_COLOR, 0.6 + 0.4 * count / max(mistakes.max(), 1))
            axes.add_patch(tile(read, written, face if count else EMPTY_COLOR))
            if count:
                axes.text(
                    read,
                    written,
                    str(count),
                    ha="center",
                    va="center_baseline",
                    fontsize=12.5,
                    fontweight="bold",
                    color="white",
                )
    axes.set_xlim(-0.5, digits - 0.5)
    axes.set_ylim(digits - 0.5, -0.5)
    axes.set_xticks(range(digits))
    axes.set_yticks(range(digits))
    axes.set_xlabel("read as", fontsize=12, color=QUIET_COLOR, labelpad=6)
    axes.set_ylabel("written", fontsize=12, color=QUIET_COLOR, labelpad=6)
    quiet_axes(axes)


def tile(column, row, face):
    """A rounded square, a little smaller than its place."""
    return FancyBboxPatch(
        (column - 0.45, row - 0.45),
        0.9,
        0.9,
        boxstyle="round,pad=0,rounding_size=0.09",
        linewidth=0,
        facecolor=face,
    )


def shade(color, strength):
    """From a pale grey at 0 to `color` at 1, never too pale for white text."""
    scale = LinearSegmentedColormap.from_list(color, [EMPTY_COLOR, color])
    return scale(0.6 + 0.4 * strength)


def mistake_bars(axes, rows, highlighted):
    """A bar a model, as long as its mistakes are many, with the share of right answers beside it."""
    for place, row in enumerate(rows):
        face = RIGHT_COLOR if row["model"] == highlighted else PLAIN_COLOR
        axes.barh(place, row["test_mistakes"], height=0.6, color=face)
        axes.annotate(
            str(row["test_mistakes"]),
            (row["test_mistakes"], place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=12.5,
            fontweight="bold",
            color=TEXT_COLOR,
        )
        axes.annotate(
            f"{row['test_accuracy']:.1%}",
            (1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center_baseline",
            fontsize=12,
            color=QUIET_COLOR,
        )
    # The longest bar ends well before the right edge, so that the column of shares stays clear of it.
    axes.set_xlim(0, max(row["test_mistakes"] for row in rows) * 1.7 or 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(range(len(rows)), [row["model"] for row in rows])
    quiet_axes(axes)
    axes.tick_params(axis="y", pad=8)
    for label in axes.get_yticklabels():
        label.set_color(TEXT_COLOR)
        label.set_fontweight("bold" if label.get_text() == highlighted else "normal")


def scan(axes, image, headline, note, right):
    """A scan with what it was read as below it, framed in the colour of right or wrong."""
    axes.imshow(np.pad(image, 1), cmap="gray_r", interpolation="bicubic")
    color = RIGHT_COLOR if right else WRONG_COLOR
    for spine in axes.spines.values():
        spine.set_color(color)
        spine.set_linewidth(2)
    axes.set_xticks([])
    axes.set_yticks([])
    below = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}
    axes.annotate(headline, (0, 0), xytext=(0, -7), fontsize=12, fontweight="bold", color=color, **below)
    axes.annotate(note, (0, 0), xytext=(0, -25), fontsize=9.5, color=QUIET_COLOR, **below)
