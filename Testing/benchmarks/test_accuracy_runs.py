"""The benchmark of accuracy from end to end on small images: processes, rows that are kept, tables."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import accuracy
import numpy as np
import pytest
import SimpleITK as sitk
from accuracy_kept import keep, unpack
from accuracy_labels import Distances, read_labels
from accuracy_machine import Facts, is_quiet
from accuracy_methods import AFFINE, PEER_METHODS, Method, chosen, methods
from accuracy_pairs import GROUPS, Case, Pair, data_folder, pairs_of
from accuracy_rows import Cost, Row, read_row, row_file, write_row
from accuracy_run import measured, run, told_by
from accuracy_scorer import Consistency, Folds, Score
from accuracy_start import common_box, write_start
from accuracy_table import each_pair, markdown, versions

PEERS = Path(accuracy.__file__).parent / "peers"
SCORE = Score(
    *(2, 0.7, (0.6, 0.8), Distances(2.0, 0.5, 0), Folds(3, 0.1), Folds(0, 0.0), 0.25),
    *(Consistency(0.02, 0.05, 0.3, 0), Consistency(float("nan"), float("nan"), float("nan"), 9)),
)
GREEDY = next(method for method in PEER_METHODS if method.name == "greedy-long")


def row_of(method: Method = GREEDY, **changes) -> Row:
    cost = Cost(10.0, 12.0, 20.0, 500.0)
    row = Row("ixi", "a <- b", method.name, method.settings, "", cost, SCORE, {"picsl-greedy": "1.4"}, "a CPU", True)
    return dataclasses.replace(row, **changes)


def ball(centre: float) -> sitk.Image:
    """A ball with a soft edge, 28 x 26 x 24 voxels of 1.5 mm, axes turned."""
    k, j, i = np.indices((24, 26, 28))
    distance = np.sqrt((i - 13 - centre) ** 2 + (j - 13) ** 2 + (k - 12) ** 2)
    image = sitk.GetImageFromArray((100 / (1 + np.exp(distance - 7))).astype(np.float32))
    image.SetSpacing((1.5, 1.5, 1.5))
    image.SetDirection((0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    return image


@pytest.fixture
def pair(tmp_path) -> Pair:
    """A ball, and the same one two voxels away, each with its label."""
    cases = []
    for name, image in (("one", ball(0.0)), ("other", ball(2.0))):
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
        sitk.WriteImage(image > 50, str(tmp_path / f"{name}_labels.nrrd"))
        cases.append(Case(name, tmp_path / f"{name}.nrrd", tmp_path / f"{name}_labels.nrrd"))
    return Pair("ixi", *cases)


def start_files(pair: Pair, folder: Path) -> None:
    """The common start with an affine that brings the ball half of the way."""
    folder.mkdir(parents=True)
    affine = sitk.AffineTransform(np.eye(3).ravel().tolist(), [0.0, 1.5, 0.0])
    sitk.WriteTransform(affine, str(folder / "affine.tfm"))
    labels = [read_labels(str(case.labels)) for case in (pair.fixed, pair.moving)]
    images = [sitk.ReadImage(str(case.image)) for case in (pair.fixed, pair.moving)]
    write_start(images, common_box(labels, affine), affine, folder)


def test_a_peer_gives_both_directions_and_is_scored_after_the_common_affine(pair, tmp_path):
    start_files(pair, tmp_path / pair.folder / AFFINE.name)
    # SimpleITK is in our environment too, so that this peer can run wherever the tests do.
    demons = Demons("demons", "demons", "peers", ("20x20x20",), "demons")
    row = measured(pair, demons, tmp_path, "here", True, 2.0)
    assert row.reason == "" and row.packages["SimpleITK"] and row.quiet
    assert row.score.dice > 0.93 and row.score.folds.inside == 0
    assert row.score.consistency.mean < 0.1 and 0 < row.cost.seconds < row.cost.whole
    assert row.cost.cpu > 0 and row.cost.peak_mib > 20
    assert not (tmp_path / pair.folder / "demons").exists()


@dataclasses.dataclass(frozen=True)
class Demons(Method):
    """The adapter of the demons in the environment of the tests."""

    def command(self, pair: Pair, start: Path, out: Path) -> list[str]:
        return [sys.executable, *super().command(pair, start, out)[1:]]


def test_the_common_box_holds_both_anatomies_and_a_margin(pair):
    labels = [read_labels(str(case.labels)) for case in (pair.fixed, pair.moving)]
    box = common_box(labels, sitk.Transform())
    assert all(part <= whole for part, whole in zip(box.GetSize(), labels[0].GetSize(), strict=True))
    assert sitk.GetArrayFromImage(box).sum() == sitk.GetArrayFromImage(labels[0]).sum()


def test_a_command_that_fails_tells_why_in_its_last_line():
    done = run([sys.executable, "-c", "raise ValueError('no | such thing')"], 1.0)
    assert done.reason == "exit code 1: ValueError: no / such thing"
    assert run(["/no/such/program"], 1.0).reason.startswith("cannot be started: No such file")


def test_a_command_that_takes_too_long_is_ended():
    done = run([sys.executable, "-c", "import time; time.sleep(60)"], 0.01)
    assert done.reason == "took too long" and done.whole < 30


def test_a_failed_method_is_a_row_with_its_reason(pair, tmp_path):
    start_files(pair, tmp_path / pair.folder / AFFINE.name)
    row = measured(pair, Demons("d", "d", "peers", ("much",), "demons"), tmp_path, "here", False, 2.0)
    assert "invalid literal" in row.reason and row.score is None and row.cost is None


def test_a_row_survives_its_file_with_what_is_not_a_number(tmp_path):
    write_row(row_of(), tmp_path / "row.json")
    found = read_row(tmp_path / "row.json", GREEDY)
    assert np.isnan(found.score.inverse_consistency.mean)
    assert dataclasses.replace(found.score, inverse_consistency=SCORE.inverse_consistency) == SCORE
    assert found.cost == row_of().cost and "NaN" not in (tmp_path / "row.json").read_text(encoding="utf-8")


def test_rows_of_other_settings_and_damaged_ones_count_as_missing(tmp_path):
    write_row(row_of(), tmp_path / "row.json")
    assert read_row(tmp_path / "row.json", dataclasses.replace(GREEDY, settings=("1x1",))) is None
    (tmp_path / "row.json").write_text('{"group": "ixi"')
    assert read_row(tmp_path / "row.json", GREEDY) is None
    assert read_row(tmp_path / "none.json", GREEDY) is None


def test_another_clone_goes_on_from_the_rows_behind_the_tables(pair, tmp_path):
    own = dataclasses.replace(row_of(), group=pair.group, pair=pair.name)
    keep([own], pair.group, tmp_path / "kept")
    keep([dataclasses.replace(own, method="demons")], pair.group, tmp_path / "kept")
    unpack([pair], [AFFINE, GREEDY], tmp_path / "clone", tmp_path / "kept")
    found = read_row(row_file(tmp_path / "clone", pair, GREEDY), GREEDY)
    assert found.score.dice == pytest.approx(SCORE.dice, rel=1e-5) and found.machine == own.machine
    assert not row_file(tmp_path / "clone", pair, AFFINE).exists()


def test_newer_rows_are_not_replaced_by_kept_ones(pair, tmp_path):
    own = dataclasses.replace(row_of(), group=pair.group, pair=pair.name)
    keep([own], pair.group, tmp_path / "kept")
    write_row(dataclasses.replace(own, machine="newer"), row_file(tmp_path, pair, GREEDY))
    unpack([pair], [GREEDY], tmp_path, tmp_path / "kept")
    assert read_row(row_file(tmp_path, pair, GREEDY), GREEDY).machine == "newer"


def test_a_run_goes_on_with_the_rows_that_are_missing(pair, tmp_path):
    start_files(pair, tmp_path / pair.folder / AFFINE.name)
    demons = Demons("demons", "demons", "peers", ("2x2x2",), "demons")
    for method in (AFFINE, GREEDY):
        write_row(row_of(method), row_file(tmp_path, pair, method))
    before = row_file(tmp_path, pair, GREEDY).read_text(encoding="utf-8")
    given = accuracy.arguments().parse_args(["--output", str(tmp_path)])
    accuracy.fill(pair, [AFFINE, GREEDY, demons], Facts("here", ()), given)
    assert row_file(tmp_path, pair, GREEDY).read_text(encoding="utf-8") == before
    assert read_row(row_file(tmp_path, pair, demons), demons).reason == ""


def test_fresh_rows_replace_old_ones(pair, tmp_path):
    start_files(pair, tmp_path / pair.folder / AFFINE.name)
    demons = Demons("demons", "demons", "peers", ("2x2x2",), "demons")
    for method in (AFFINE, demons):
        write_row(row_of(method), row_file(tmp_path, pair, method))
    given = accuracy.arguments().parse_args(["--output", str(tmp_path), "--fresh"])
    accuracy.fill(pair, [demons], Facts("here", ()), given)
    assert read_row(row_file(tmp_path, pair, demons), demons).machine == "here"
    assert read_row(row_file(tmp_path, pair, AFFINE), AFFINE).machine == "a CPU"


def test_seconds_of_ours_are_without_alignment_and_measuring(tmp_path):
    stages = {"read": 1.0, "align": 2.0, "refine": 3.0, "measure": 4.0, "write": 5.0}
    (tmp_path / "result.json").write_text(json.dumps({"seconds": stages, "version": "1.2"}))
    assert told_by(methods(())[1], tmp_path) == (9.0, {"sitreg": "1.2"})


def test_trained_models_and_given_ones_are_methods_with_commands_of_sitreg(pair):
    known = methods(["brain-t1"], ["DDR-Net alone=--model ddrnet --refine 0"])
    names = [method.name for method in known]
    wanted = {"brain-t1-alone", "brain-t1-refined", "brain-t1-fine", "ddr-net-alone"}
    assert names[0] == "affine" and wanted <= set(names)
    assert "any-contrast-same" not in names and "any-contrast-same" in {m.name for m in methods(["any-contrast"])}
    alone = known[names.index("brain-t1-alone")].command(pair, Path("start"), Path("out"))
    assert alone[1:4] == ["register", str(pair.fixed.image), str(pair.moving.image)]
    assert alone[-4:] == ["--model", "brain-t1", "--refine", "0"] and "start/affine.tfm" in alone
    same = known[names.index("sitreg-same")].command(pair, Path("start"), Path("out"))
    assert same[2:6] == ["start/fixed.nrrd", "start/moving.nrrd", "--affine", "none"]
    with pytest.raises(ValueError, match="TITLE=OPTIONS"):
        methods((), ["no options"])


def test_masked_pairs_give_their_masks_to_ours(pair):
    masked = dataclasses.replace(pair, masked=True)
    command = methods(())[1].command(masked, Path("start"), Path("out"))
    assert command[command.index("--moving-mask") + 1] == str(pair.moving.labels)
    assert AFFINE.command(masked, Path("start"), Path("out"))[-1] == "--masked"


def test_methods_are_chosen_by_name_or_kind():
    known = methods(())
    assert [m.name for m in chosen(known, ["syn", "ours"])] == ["sitreg", "sitreg-same", "syn"]
    assert chosen(known, []) == known
    with pytest.raises(ValueError, match="got nonsense"):
        chosen(known, ["nonsense"])


def test_every_peer_has_its_adapter_and_its_pinned_package():
    pinned = (PEERS / "requirements.txt").read_text(encoding="utf-8") + (PEERS / "requirements-alone.txt").read_text(
        encoding="utf-8"
    )
    for method in PEER_METHODS:
        text = (PEERS / f"{method.adapter}.py").read_text(encoding="utf-8")
        package = text[text.index("run(register, [") :].split('"')[1]
        assert f"\n{package}==" in pinned


def test_the_table_has_a_line_per_method_and_reasons_below():
    syn = next(method for method in PEER_METHODS if method.name == "syn")
    rows = [row_of(), row_of(pair="b <- c", cost=Cost(20.0, 22.0, 30.0, 700.0))]
    rows.append(row_of(syn, reason="took too long", cost=None, score=None))
    text = markdown(rows, methods(()))
    lines = text.splitlines()
    assert lines[2].startswith("| greedy, 100x100x50 | 2 | 0.700 | 2.00 | 0.50 | 3.0 | 0.250 | 0.020 | 0.30 | 15.0 |")
    assert lines[3].startswith("| ANTsPy SyN, its default | 0 of 1 | - |")
    assert "failed on a <- b: took too long." in text and "beside other work" not in text
    assert "beside other work" in markdown([row_of(quiet=False)], methods(()))
    assert versions(rows) == "a CPU. Packages: picsl-greedy 1.4."
    there = [row_of(machine=text) for text in ("a CPU, commit 1", "a CPU, commit 2", "a CPU, commit 1")]
    assert versions(there) == "a CPU, commit 1, 2. Packages: picsl-greedy 1.4."
    assert each_pair(rows).count("\n") == 4 and "took too long |" in each_pair(rows)


def test_the_readme_has_a_place_for_every_group():
    text = (Path(accuracy.__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert all(f"<!-- accuracy: {group} -->" in text for group in GROUPS)


def test_a_machine_whose_every_core_works_is_not_quiet():
    endless = [sys.executable, "-c", "while True: pass"]
    work = [subprocess.Popen(endless) for _ in range(os.cpu_count() or 1)]
    try:
        assert not is_quiet(1.0)
    finally:
        for process in work:
            process.kill()
            process.wait()


def test_the_pairs_are_the_agreed_ones():
    data = data_folder()
    if not (data / "brain_ixi_2mm").is_dir():
        pytest.skip(f"the benchmark's images are not at {data}")
    counts = {group: len(pairs_of(group, data)) for group in GROUPS}
    assert counts == {
        "mindboggle": 12,
        "ixi": 20,
        "contrast": 10,
        "stripped": 10,
        "slab": 10,
        "hippocampus": 20,
        "lung": 1,
    }
    assert [p.name for p in pairs_of("mindboggle", data)[:3]] == ["01 <- 02", "05 <- 09", "12 <- 17"]
    assert len({pair.folder for group in GROUPS for pair in pairs_of(group, data)}) == 83


def test_missing_data_is_said_in_one_line(tmp_path):
    for group in GROUPS:
        with pytest.raises(FileNotFoundError, match="SITREG_DATA"):
            pairs_of(group, tmp_path)
