"""The whole of scikit-learn's checks, with no failure expected."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from nn_from_scratch.estimators import NetworkClassifier, NetworkRegressor


@parametrize_with_checks([NetworkClassifier(), NetworkRegressor()])
def test_rules_of_scikit_learn(estimator, check):
    check(estimator)
