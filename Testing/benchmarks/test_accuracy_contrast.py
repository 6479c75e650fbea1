"""The other contrast that the benchmark makes of an image."""

import numpy as np
import SimpleITK as sitk
from accuracy_contrast import t2_like, write_t2_like


def head() -> sitk.Image:
    """Air, a bright ball (white matter), a darker shell (grey matter), a dark hole (fluid) that is not air."""
    distance = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0)
    array = np.select([distance < 4, distance < 10, distance < 15], [60, 400, 250], 0).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 2.0, 1.5))
    image.SetOrigin((3.0, -4.0, 5.0))
    return image


def shown(image: sitk.Image, distance: int) -> int:
    return image[20 + distance, 20, 20]


def test_what_was_dark_inside_is_bright_and_air_stays_black():
    turned = t2_like(head())
    fluid, white, grey, air = (shown(turned, at) for at in (0, 7, 12, 19))
    assert fluid > grey > white > 0
    assert air == 0


def test_distances_between_intensities_change_too():
    turned = t2_like(head())
    fluid, white, grey = (shown(turned, at) for at in (0, 7, 12))
    before, after = (250 - 60) / (400 - 250), (fluid - grey) / (grey - white)
    assert abs(before - after) > 0.2


def test_the_voxels_stay_where_they_are():
    given, turned = head(), t2_like(head())
    assert turned.GetSpacing() == given.GetSpacing()
    assert turned.GetOrigin() == given.GetOrigin()
    assert turned.GetDirection() == given.GetDirection()


def test_a_file_is_made_once_and_whole(tmp_path):
    given, written = tmp_path / "a_t1.nii.gz", tmp_path / "made" / "a_t2.nii.gz"
    sitk.WriteImage(head(), str(given))
    write_t2_like(given, written)
    first = written.read_bytes()
    given.unlink()
    write_t2_like(given, written)
    assert written.read_bytes() == first
    assert [path.name for path in written.parent.iterdir()] == ["a_t2.nii.gz"]
