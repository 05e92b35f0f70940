"""Estimators with scikit-learn's interface: `MLPClassifier` and `MLPRegressor`.

Their parameters are those of scikit-learn's estimators of the same names, with the same meaning, and more. They are
translated into a Config, and training is that of `train.py`: nothing is written to disk unless `log_dir` is set.
"""

from __future__ import annotations

from nn_scratch.estimators.classifier import MLPClassifier
from nn_scratch.estimators.fits import FittedNetwork as _Network  # the name in pickles of earlier versions
from nn_scratch.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "_Network"]
