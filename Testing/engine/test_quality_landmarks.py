"""Target registration error of paired points."""

import numpy as np
import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.quality.landmarks import landmark_doubts, landmark_measures, target_registration_errors

GRID = Grid((20, 20, 20), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
POINTS = np.array([[3.0, 4.0, 5.0], [10.0, 2.0, 17.5], [8.0, 8.0, 8.0], [1.0, 1.0, 1.0]])


def shifted(x: float, y: float, z: float) -> DisplacementField:
    return DisplacementField(np.tile(np.float32([x, y, z])[:, None, None, None], (1, *GRID.shape)), GRID)


def test_without_a_field_it_is_the_distance_of_the_pairs():
    assert np.allclose(target_registration_errors(POINTS, POINTS + np.array([3.0, 0.0, 4.0]), None), 5)


def test_the_right_map_leaves_no_error_and_a_wrong_one_leaves_its_fault():
    moving = POINTS + np.array([3.0, 0.0, 4.0])
    right, wrong = shifted(3, 0, 4), shifted(-3, 0, -4)
    assert target_registration_errors(POINTS, moving, right).max() < 1e-5
    assert np.allclose(target_registration_errors(POINTS, moving, wrong), 10)


def test_points_beyond_the_saved_field_are_told():
    assert landmark_doubts(POINTS, GRID) == []
    beyond = np.array([[-0.6, 4.0, 5.0], [3.0, 19.4, 5.0], [3.0, 4.0, 25.0]])
    [doubt] = landmark_doubts(beyond, GRID)
    assert doubt.startswith("2 of 3 fixed landmarks lie outside the saved transform")


def test_mean_median_percentile_and_maximum_before_and_after():
    moving = POINTS + np.array([0.0, 1.0, 2.0, 7.0])[:, None] * [0.0, 0.0, 1.0]
    measures = {m.name: m for m in landmark_measures(POINTS, moving, shifted(0, 0, 1))}
    assert measures["tre_mean_before"].value == pytest.approx(2.5)
    assert measures["tre_median_before"].value == pytest.approx(1.5)
    assert measures["tre_max_before"].value == pytest.approx(7)
    assert measures["tre_mean"].value == pytest.approx(2.0)
    assert measures["tre_p95"].value == pytest.approx(np.percentile([1, 0, 1, 6], 95))
    assert all(m.unit == "mm" for m in measures.values())


@pytest.mark.parametrize("moving", [POINTS[:3], np.vstack([POINTS, POINTS])])
def test_points_without_a_partner_are_refused(moving):
    with pytest.raises(InputError, match="pairs"):
        target_registration_errors(POINTS, moving, None)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((4, 2)), np.zeros(3)])
def test_what_is_not_a_list_of_points_is_refused(points):
    with pytest.raises(InputError, match="x, y, z"):
        target_registration_errors(points, points, None)


def test_nan_points_are_refused():
    with pytest.raises(InputError, match="NaN"):
        target_registration_errors(POINTS, POINTS * np.nan, None)
