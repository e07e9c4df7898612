"""Identity of fitted scikit-learn estimators."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

TEXTS = ["a b c", "b c d", "hello world b"] * 50
ESTIMATORS = [
    LogisticRegression(max_iter=1000),
    RandomForestClassifier(5, random_state=0),
    GradientBoostingClassifier(n_estimators=3, random_state=0),
    HistGradientBoostingClassifier(max_iter=3, random_state=0),
    DecisionTreeClassifier(random_state=0),
    SVC(),
    KNeighborsClassifier(algorithm="kd_tree"),
    KNeighborsClassifier(algorithm="ball_tree"),
    PCA(2, random_state=0),
    KMeans(3, n_init=1, random_state=0),
    GaussianNB(),
    MLPClassifier((4,), max_iter=5, random_state=0),
    OneHotEncoder(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    VotingClassifier([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(random_state=0))]),
    ColumnTransformer([("scale", StandardScaler(), [0, 1])]),
    CountVectorizer(stop_words=["a"]),
    TfidfVectorizer(stop_words="english"),
]


def fit(estimator: Any) -> Any:
    data, classes = load_iris(return_X_y=True)
    rows = TEXTS if isinstance(estimator, CountVectorizer) else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(rows, classes), rows


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_equal_fitted_estimators_agree(estimator: Any) -> None:
    """Fitted twice, pickled, copied and used, an estimator keeps one identity; unfitted it has another."""
    fitted, rows = fit(estimator)
    found = identify(fitted).identity
    assert identify(fit(estimator)[0]).identity == found, "fitted again"
    assert identify(pickle.loads(pickle.dumps(fitted, 5))).identity == found, "pickled"
    assert identify(copy.deepcopy(fitted)).identity == found, "copied"
    assert identify(estimator).identity != found, "unfitted"
    for method in ("transform", "predict"):
        if hasattr(fitted, method):
            getattr(fitted, method)(rows)
    assert identify(fitted).identity == found, "used"


def test_other_options_and_data_make_another_identity() -> None:
    """One coefficient is enough."""
    data, classes = load_iris(return_X_y=True)
    one = Ridge().fit(data, classes)
    other = copy.deepcopy(one)
    other.coef_[0] = other.coef_[0] * (1 + 1e-15)
    names = {identify(value).identity for value in (one, other, Ridge(2.0).fit(data, classes), Ridge())}
    assert len(names) == 4


def test_a_search_agrees_with_its_round_trip() -> None:
    """The masked arrays of a grid search survive pickling."""
    data, classes = load_iris(return_X_y=True)
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2).fit(data, classes)
    assert identify(pickle.loads(pickle.dumps(search))).identity == identify(search).identity


def test_its_classes_are_named() -> None:
    """A pipeline names itself and what is inside."""
    found = identify(fit(make_pipeline(StandardScaler(), LogisticRegression()))[0])
    assert "sklearn.pipeline:Pipeline" in found.globals
    assert "sklearn.linear_model._logistic:LogisticRegression" in found.globals
