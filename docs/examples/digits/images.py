"""What the features are made of: plain arithmetic on (n, 8, 8) arrays of ink."""

import numpy as np

FULL_INK = 16
"""The darkest value in a scan."""

GRADIENT_BINS = 8
"""How many directions a stroke's edge can have. Only the gradient features use it."""


def scaled(images):
    """Ink from 0 to 1."""
    return images / FULL_INK


def gradients(images):
    """How the ink rises at each pixel: its steepness, and its direction in turns from 0 to 1."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    return np.hypot(down, right), np.arctan2(down, right) / (2 * np.pi) % 1.0


def direction_planes(images):
    """Steepness sorted by direction: (n, bins, 8, 8).

    A direction between two bins is shared out to both, so that a stroke that leans a little more
    changes the features a little, and not all at once.
    """
    steepness, direction = gradients(images)
    position = direction * GRADIENT_BINS
    lower = np.floor(position)
    share = position - lower
    lower = lower.astype(int) % GRADIENT_BINS
    upper = (lower + 1) % GRADIENT_BINS
    planes = np.zeros((len(images), GRADIENT_BINS, *images.shape[1:]), dtype=np.float32)
    for number in range(GRADIENT_BINS):
        planes[:, number] += steepness * (1 - share) * (lower == number)
        planes[:, number] += steepness * share * (upper == number)
    return planes


def windows(images, size, stride):
    """Square windows over the last two axes: (…, rows, columns, size, size)."""
    view = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(-2, -1))
    return view[..., ::stride, ::stride, :, :]


def unit_length(rows):
    """Each row at length 1; empty rows stay empty."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(length, 1e-6)
