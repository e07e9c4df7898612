"""Classifiers: one node trains each of them, another loads what was trained and asks it for answers."""

import joblib
from fingerprint_runner import GraphComponent
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

MODEL_FILE = "model.joblib"


class Classifier(GraphComponent):
    """What all classifiers have in common; a subclass says which estimator it is."""

    def __init__(self, config, model_storage, resource, estimator):
        self.config = config
        self.model_storage = model_storage
        self.resource = resource
        self.estimator = estimator

    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        """A classifier that is to be trained."""
        return cls(config, model_storage, resource, cls.make_estimator(config))

    @classmethod
    def load(cls, config, model_storage, resource, execution_context, **kwargs):
        """The classifier that an earlier node has trained."""
        with model_storage.read_from(resource) as folder:
            estimator = joblib.load(folder / MODEL_FILE)
        return cls(config, model_storage, resource, estimator)

    @staticmethod
    def make_estimator(config):
        """A new scikit-learn estimator."""
        raise NotImplementedError

    def train(self, features, scans):
        """Learn from features and labels; what is put out is the folder with the model in it."""
        self.estimator.fit(features, scans["labels"])
        with self.model_storage.write_to(self.resource) as folder:
            joblib.dump(self.estimator, folder / MODEL_FILE)
        return self.resource

    def answer(self, features):
        """How likely each digit is, for the two parts that the model hasn't learnt from.

        Returns a dict of (n, 10) arrays: a row a scan, a column a digit.
        """
        return {part: self.estimator.predict_proba(features[part]) for part in ("validation", "test")}


class Logistic(Classifier):
    """Logistic regression."""

    @staticmethod
    def get_default_config():
        return {"strength": 1.0, "rounds": 1000}

    @staticmethod
    def make_estimator(config):
        return make_pipeline(
            StandardScaler(), LogisticRegression(C=config["strength"], max_iter=config["rounds"])
        )


class SupportVectors(Classifier):
    """A support vector machine whose margins are calibrated to probabilities."""

    @staticmethod
    def get_default_config():
        return {"c": 1.0, "gamma": "scale", "folds": 5}

    @staticmethod
    def make_estimator(config):
        machine = SVC(C=config["c"], gamma=config["gamma"])
        return CalibratedClassifierCV(machine, cv=config["folds"], ensemble=False)


class Forest(Classifier):
    """A random forest."""

    @staticmethod
    def get_default_config():
        return {"trees": 100, "seed": 7}

    @staticmethod
    def make_estimator(config):
        return RandomForestClassifier(n_estimators=config["trees"], random_state=config["seed"], n_jobs=1)


class Neighbours(Classifier):
    """The nearest neighbours among the training scans."""

    @staticmethod
    def get_default_config():
        return {"count": 5}

    @staticmethod
    def make_estimator(config):
        return KNeighborsClassifier(n_neighbors=config["count"], weights="distance", n_jobs=1)


class Perceptron(Classifier):
    """A small neural network."""

    @staticmethod
    def get_default_config():
        return {"hidden": [32], "decay": 0.01, "rounds": 1000, "seed": 7}

    @staticmethod
    def make_estimator(config):
        return MLPClassifier(
            hidden_layer_sizes=tuple(config["hidden"]),
            alpha=config["decay"],
            max_iter=config["rounds"],
            random_state=config["seed"],
        )
