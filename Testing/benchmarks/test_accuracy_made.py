"""The other contrast, and the brain without its skull, that the benchmark makes of an image."""

import numpy as np
import SimpleITK as sitk
from accuracy_made import slab, stripped, t2_like, write_once


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


def test_of_a_stripped_head_the_brain_is_left_with_what_it_encloses():
    given = head()
    distance = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0)
    labels = sitk.GetImageFromArray(((distance >= 4) & (distance < 10)).astype(np.uint8))
    labels.CopyInformation(given)
    brain = stripped(given, labels)
    assert [shown(brain, at) for at in (0, 7, 12, 19)] == [shown(given, 0), shown(given, 7), 0, 0]
    assert brain.GetSpacing() == given.GetSpacing()


def test_a_file_is_made_once_and_whole(tmp_path):
    written = tmp_path / "made" / "a_t2.nii.gz"
    write_once(written, head)
    first = written.read_bytes()
    write_once(written, lambda: t2_like(head()))
    assert written.read_bytes() == first
    assert [path.name for path in written.parent.iterdir()] == ["a_t2.nii.gz"]


def test_a_slab_is_the_middle_of_an_image_where_it_lies():
    given = sitk.GetImageFromArray(np.arange(10 * 4 * 3, dtype=np.float32).reshape(10, 4, 3))
    given.SetSpacing((1.0, 1.0, 2.0))
    found = slab(given, 4)
    assert found.GetSize() == (3, 4, 4) and found.GetOrigin() == (0.0, 0.0, 6.0)
    assert np.array_equal(sitk.GetArrayFromImage(found), sitk.GetArrayFromImage(given)[3:7])
