"""Alignments from files: the linear ones, in ITK's direction."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.affine.given import read_matrix
from sitreg_engine.errors import InputError
from sitreg_engine.geometry import apply


def euler() -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter((10.0, -20.0, 30.0))
    transform.SetRotation(0.1, -0.3, 0.2)
    transform.SetTranslation((5.0, 60.0, -7.0))
    return transform


def affine() -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((1.1, 0.1, 0.0, -0.1, 0.9, 0.0, 0.05, 0.0, 1.0))
    transform.SetTranslation((1.0, 2.0, 3.0))
    return transform


def composite() -> sitk.CompositeTransform:
    return sitk.CompositeTransform([euler(), affine()])


def similarity() -> sitk.Similarity3DTransform:
    transform = sitk.Similarity3DTransform()
    transform.SetScale(1.2)
    return transform


def written(transform: sitk.Transform, path: Path) -> str:
    sitk.WriteTransform(transform, str(path))
    return str(path)


@pytest.mark.parametrize("name", ["given.tfm", "given.h5", "given.txt"])
@pytest.mark.parametrize("make", [euler, affine, composite, similarity])
def test_linear_transforms_map_points_as_itk_does(make, name, tmp_path):
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    matrix = read_matrix(written(make(), tmp_path / name))
    expected = [make().TransformPoint(point) for point in points.tolist()]
    assert np.allclose(apply(matrix, points), expected, atol=1e-9)


def test_a_missing_file_is_refused():
    with pytest.raises(InputError, match=r"auto, rigid, none or an ITK transform file .* 'affin'"):
        read_matrix("affin")


def test_a_file_that_is_no_transform_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a transform")
    with pytest.raises(InputError, match="not readable"):
        read_matrix(str(tmp_path / "notes.txt"))


def test_a_deformation_is_refused(tmp_path):
    field = sitk.DisplacementFieldTransform(sitk.Image((4, 4, 4), sitk.sitkVectorFloat64))
    with pytest.raises(InputError, match="linear 3-D transform"):
        read_matrix(written(field, tmp_path / "field.h5"))


def test_a_deformation_within_a_composite_is_refused(tmp_path):
    field = sitk.DisplacementFieldTransform(sitk.Image((4, 4, 4), sitk.sitkVectorFloat64))
    with pytest.raises(InputError, match="linear 3-D transform"):
        read_matrix(written(sitk.CompositeTransform([euler(), field]), tmp_path / "both.h5"))


def test_a_flat_transform_is_refused(tmp_path):
    with pytest.raises(InputError, match="2-D"):
        read_matrix(written(sitk.Euler2DTransform(), tmp_path / "flat.tfm"))


@pytest.mark.parametrize("scale", [-1.0, 0.0])
def test_a_transform_that_mirrors_or_flattens_is_refused(scale, tmp_path):
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((scale, 0, 0, 0, 1, 0, 0, 0, 1))
    with pytest.raises(InputError, match="does not mirror"):
        read_matrix(written(transform, tmp_path / "mirror.tfm"))


EULER = "#Insight Transform File V1.0\n#Transform 0\nTransform: Euler3DTransform_double_3_3\n"


@pytest.mark.parametrize(
    "lines, said",
    [
        ("Parameters: nan 0 0 0 0 0\nFixedParameters: 0 0 0 0\n", "6 numbers"),
        ("Parameters: 0 0 0 0 0\nFixedParameters: 0 0 0 0\n", "6 numbers"),
        ("Parameters: 0 0 0 one 0 0\nFixedParameters: 0 0 0 0\n", "6 numbers"),
        ("FixedParameters: 0 0 0 0\n", "no numbers"),
    ],
    ids=["NaN", "too few", "a word", "none"],
)
def test_numbers_that_itk_would_misread_are_refused(tmp_path, lines, said):
    path = tmp_path / "damaged.tfm"
    path.write_text(EULER + lines)
    with pytest.raises(InputError, match=said):
        read_matrix(str(path))


def test_several_transforms_that_are_no_composite_are_refused(tmp_path):
    one = EULER + "Parameters: 0 0 0 1 2 3\nFixedParameters: 0 0 0 0\n"
    path = tmp_path / "two.tfm"
    path.write_text(one + one.split("\n", 1)[1].replace("#Transform 0", "#Transform 1"))
    with pytest.raises(InputError, match="holds 2 transforms"):
        read_matrix(str(path))
