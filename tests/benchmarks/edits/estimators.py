"""Thirty components over scikit-learn, which is copied into the project as first-party code."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.graphs import Node, Project

# module of scikit-learn → estimators: classifiers, regressors and transformers of many families.
_ESTIMATORS = {
    "linear_model": (
        "Ridge",
        "Lasso",
        "LogisticRegression",
        "SGDClassifier",
        "HuberRegressor",
        "BayesianRidge",
    ),
    "svm": ("SVC", "LinearSVC"),
    "tree": ("DecisionTreeClassifier",),
    "ensemble": (
        "RandomForestClassifier",
        "GradientBoostingRegressor",
        "AdaBoostClassifier",
        "IsolationForest",
    ),
    "neighbors": ("KNeighborsClassifier", "KernelDensity"),
    "naive_bayes": ("GaussianNB",),
    "neural_network": ("MLPClassifier",),
    "cluster": ("KMeans", "DBSCAN", "AgglomerativeClustering"),
    "decomposition": ("PCA", "NMF", "FastICA"),
    "preprocessing": ("StandardScaler", "PolynomialFeatures", "RobustScaler"),
    "gaussian_process": ("GaussianProcessRegressor",),
    "discriminant_analysis": ("LinearDiscriminantAnalysis",),
    "mixture": ("GaussianMixture",),
    "manifold": ("Isomap",),
}

_MODULE = '''"""Fits one estimator."""

import numpy as np
from sklearn.{family} import {name}


def run():
    random = np.random.RandomState(0)
    rows = np.abs(random.rand(60, 5))
    labels = (rows[:, 0] > 0.5).astype(int)
    estimator = {name}()
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    estimator.fit(rows, labels)
    for method in ("predict", "transform"):
        if hasattr(estimator, method):
            return np.round(np.asarray(getattr(estimator, method)(rows), dtype=float), 6)
    return None
'''


def estimators_project() -> Project:
    """One module and one node for each estimator; scikit-learn isn't among the files."""
    files = {}
    nodes = []
    for family, names in _ESTIMATORS.items():
        for name in names:
            module = f"fit_{name.lower()}"
            files[f"{module}.py"] = _MODULE.format(family=family, name=name)
            nodes.append(Node(name, f"{module}:run"))
    return Project(files, tuple(nodes))


def copy_package(package: Path, folder: Path) -> list[Path]:
    """Copy scikit-learn without its tests; gives its Python modules, sorted."""
    libraries = package.with_name("scikit_learn.libs")  # its extension modules look for them beside it
    if libraries.exists():
        shutil.copytree(libraries, folder.with_name(libraries.name))
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.pyx", "*.pxd"))
    return sorted(folder.rglob("*.py"))
