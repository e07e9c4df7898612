"""Features: each function takes the parts of the data and gives one array for each of them."""

import numpy as np
from sklearn.decomposition import PCA

from images import direction_planes, scaled, unit_length, windows


def scale_pixels(parts):
    """All 64 grey values, from 0 to 1."""
    return for_each_part(parts, lambda images: flat(scaled(images)))


def project_on_components(pixels, count):
    """Pixels projected on the main directions in which the training scans vary."""
    pca = PCA(n_components=count, svd_solver="full")
    pca.fit(pixels["train"])
    return {name: pca.transform(values).astype(np.float32) for name, values in pixels.items()}


def count_gradients(parts, cell, stride):
    """Histograms of stroke directions in overlapping cells, as in HOG descriptors."""

    def histograms(images):
        planes = direction_planes(scaled(images))
        cells = windows(planes, cell, stride).sum(axis=(-2, -1))
        return np.sqrt(unit_length(flat(cells)))

    return for_each_part(parts, histograms)


def weigh_zones(parts, zones):
    """Mean ink in a grid of zones, in each row and column, and how symmetric the scan is."""

    def weights(images):
        ink = scaled(images)
        size = ink.shape[-1] // zones
        return np.hstack(
            [
                flat(windows(ink, size, size).mean(axis=(-2, -1))),
                ink.mean(axis=1),
                ink.mean(axis=2),
                flat(np.abs(ink - ink[:, :, ::-1]).mean(axis=(1, 2))),
                flat(np.abs(ink - ink[:, ::-1, :]).mean(axis=(1, 2))),
            ]
        )

    return for_each_part(parts, weights)


def for_each_part(parts, features):
    """The features of each part's images."""
    return {name: features(scans["images"]).astype(np.float32) for name, scans in parts.items()}


def flat(values):
    """One row a scan."""
    return values.reshape(len(values), -1)
