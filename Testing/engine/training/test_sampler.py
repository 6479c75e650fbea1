"""Step number -> pair: the same always and everywhere, and of different persons."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sitreg_engine.errors import AlignmentError, InputError
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.poses import pair_poses
from sitreg_engine.training.sampler import Sampler, make_sampler, validation_groups
from sitreg_engine.training.settings import AugmentSettings
from sitreg_engine.training.subjects import load_subject
from sitreg_engine.training.views import Group, make_group

LOUD = "gamma = 0.3\nbias = 0.3\nnoise = 0.1\nstrip = 0.3\ncrop = 0.3\nfrom_labels = 0.3\nfrom_shapes = 0.3\n"
STILL = AugmentSettings(rotation=0, scale=0, shift=0, residual_rotation=0, residual_scale=0, residual_shift=0)


def quietly(_: str) -> None:
    pass


def sampler(path) -> Sampler:
    return make_sampler(read_settings(path), quietly)


def same(one: Group, other: Group) -> bool:
    return all(
        a is b is None or torch.equal(a, b)
        for view, twin in zip(one.views, other.views, strict=True)
        for a, b in zip(vars(view).values(), vars(twin).values(), strict=True)
    )


def test_a_step_always_gets_the_same_pair_whatever_ran_before(config):
    path = config(augment=LOUD)
    first, second = sampler(path), sampler(path)
    groups = [first.draw(step, 0) for step in range(5)]
    assert all(same(groups[step], second.draw(step, 0)) for step in (4, 1, 3, 0, 2))
    assert len({float(group.views[0].image.sum()) for group in groups}) == 5
    assert not same(first.draw(1, 0), first.draw(1, 1))


def test_another_seed_gives_other_pairs(config):
    one = sampler(config())
    assert not same(one.draw(0, 0), replace(one, seed=4).draw(0, 0))


def test_the_images_of_a_group_are_of_different_persons(config):
    one = replace(sampler(config()), augment=STILL, group=3)
    group = one.draw(0, 0)
    assert len(group.views) == 3
    assert len({float(view.image.sum()) for view in group.views}) == 3
    doubled = replace(one, rows=[one.rows[0]] * 5 + list(one.rows[1:3]), poses=[one.poses[0]] * 5 + one.poses[1:3])
    for step in range(10):
        assert len({float(view.image.sum()) for view in doubled.draw(step, 0).views}) == 3


def test_all_training_persons_are_used_and_no_other(config):
    one = replace(sampler(config()), augment=STILL, poses=[np.eye(4)] * 4)
    known = {float(load_subject(row, one.cache).image.array.sum()) for row in one.rows}
    assert len(known) == 4
    assert {row.person for row in one.rows} == {"p0", "p1", "p2", "p3"}


def test_a_template_is_the_second_image_of_every_pair_and_all_others_come_first(config):
    one = replace(sampler(config(data='template = "p2"')), augment=STILL)
    template = load_subject(one.rows[2], one.cache)
    chosen = [one._people(np.random.default_rng(step)) for step in range(30)]
    assert {pair[1] for pair in chosen} == {2}
    assert {pair[0] for pair in chosen} == {0, 1, 3}
    group = one.draw(4, 0)
    alone = make_group([load_subject(one.rows[0], one.cache), template], [one.poses[0], one.poses[2]], one.spacing)
    assert one.template == "p2" and group.views[1].image.max() == pytest.approx(
        float(alone.views[1].image.max()), rel=0.1
    )


@pytest.mark.parametrize("person", ["p5", "nobody"])
def test_a_template_that_is_not_trained_on_is_refused(config, person):
    with pytest.raises(InputError, match=f"data.template.*{person}"):
        sampler(config(data=f'template = "{person}"'))


def test_triplets_have_no_template(config):
    with pytest.raises(InputError, match="group = 2"):
        sampler(config(data='template = "p2"', top="group = 3"))


def test_pairs_can_be_aligned_each_as_at_inference(config):
    one = sampler(config(data='alignment = "pair"'))
    assert one.poses is None
    one = replace(one, augment=STILL, rows=one.rows[:2])
    drawn = one.draw(2, 0)
    pairs = [(a, b) for a in one.rows for b in one.rows if a.person != b.person]
    expected = [
        make_group([load_subject(row, one.cache) for row in pair], pair_poses(*pair, one.cache), one.spacing)
        for pair in pairs
    ]
    assert sum(same(drawn, group) for group in expected) == 1


def test_a_pair_that_cannot_be_aligned_is_left_out_and_said_and_another_one_drawn(config, tmp_path):
    noise = np.random.default_rng(0).uniform(0, 200, (24, 30, 26)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(tmp_path / "noise.nrrd"))
    told: list[str] = []
    one = replace(sampler(config(data='alignment = "pair"')), augment=STILL, tell=told.append)
    nothing = replace(one.rows[0], image=str(tmp_path / "noise.nrrd"), labels="", person="nobody")
    mixed = replace(one, rows=[*one.rows[:2], nothing])
    groups = [mixed.draw(step, 0) for step in range(4)]
    assert told and all(line.startswith("Left out: ") and "noise.nrrd" in line for line in told)
    assert all(view.labels is not None for group in groups for view in group.views)
    assert same(groups[3], mixed.draw(3, 0))
    with pytest.raises(AlignmentError, match=r"noise\.nrrd"):
        replace(one, rows=[one.rows[0], nothing]).draw(0, 0)


def test_validation_pairs_are_fixed_and_of_persons_never_trained_on(config):
    settings = read_settings(config())
    first, second = (validation_groups(settings, quietly) for _ in range(2))
    assert len(first) == 1
    assert same(first[0], second[0])
    trained = [make_sampler(settings, quietly).rows][0]
    assert {"p4", "p5"}.isdisjoint(row.person for row in trained)


def test_validation_pairs_can_be_shown_with_other_intensities_always_the_same(config):
    settings = read_settings(config(augment="invert = 1.0"))
    usual = validation_groups(settings, quietly)[0]
    changed = replace(settings, validation=replace(settings.validation, changed=True))
    first, second = (validation_groups(changed, quietly)[0] for _ in range(2))
    assert same(first, second)
    for view, before in zip(first.views, usual.views, strict=True):
        assert torch.equal(view.target, before.target) and torch.equal(view.labels, before.labels)
        assert not torch.allclose(view.image, before.image, atol=0.1)


def test_too_few_persons_are_refused(config, people, tmp_path):
    table = tmp_path / "one.csv"
    table.write_text(f"image,person,split\n{people.folder}/p0.nii.gz,ann,train\n{people.folder}/p1.nii.gz,ann,train\n")
    settings = read_settings(config())
    with pytest.raises(InputError, match=r"images of 2 persons, .* has 1"):
        make_sampler(replace(settings, data=replace(settings.data, table=str(table))), quietly)


def test_triplets_need_the_common_pose(config):
    with pytest.raises(InputError, match="Triplets"):
        sampler(config(top="group = 3", data='alignment = "pair"'))
