from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.logql.reference.gomath import power


def _power(x: float, y: float) -> float:
    return float(power(np.array([float(x)]), np.array([float(y)]))[0])


@pytest.mark.parametrize(
    ("x", "y", "right"),
    [
        (0, 0, 1),
        (math.nan, 0, 1),
        (1, math.nan, 1),
        (-1, math.inf, 1),
        (0.5, math.inf, 0),
        (2, -math.inf, 0),
        (0, -1, math.inf),
        (-0.0, -3, -math.inf),
        (-2, 3, -8),
        (-2, 1e300, math.inf),
        (2, -1074, 5e-324),
        (2, 0.5, math.sqrt(2)),
        (1e-300, 2, 0),
        (1e300, 2, math.inf),
        (-0.5, 1e300, 0),
    ],
)
def test_special_values_are_those_of_the_standard(x: float, y: float, right: float) -> None:
    with np.errstate(all="ignore"):
        assert _power(x, y) == right


def test_a_fraction_of_a_negative_base_is_not_a_number() -> None:
    with np.errstate(all="ignore"):
        assert math.isnan(_power(-2, 0.25))


@given(st.floats(1e-3, 1e3), st.floats(-20, 20))
def test_it_is_near_the_exact_power(x: float, y: float) -> None:
    assert math.isclose(_power(x, y), x**y, rel_tol=1e-12)
