"""Packed files are ordinary gzip files, whatever is in them."""

import gzip

import numpy as np
import pytest

from sitreg_engine.packed import pack

NOISE = np.random.default_rng(0).normal(1000, 8, 2_000_000).astype(np.int16).tobytes()  # some blocks, one not full
TEXT = b"the same words again and again, " * 50_000


@pytest.mark.parametrize("content", [b"", b"x", NOISE, TEXT, bytes(3_000_000), NOISE + TEXT], ids=len)
def test_what_is_unpacked_is_what_was_packed(tmp_path, content):
    (tmp_path / "plain").write_bytes(content)
    pack(tmp_path / "plain", tmp_path / "packed.gz")
    assert gzip.decompress((tmp_path / "packed.gz").read_bytes()) == content


def test_a_file_of_more_blocks_than_are_held_at_once(tmp_path):
    content = NOISE * 18  # 72 MB
    (tmp_path / "plain").write_bytes(content)
    pack(tmp_path / "plain", tmp_path / "packed.gz")
    assert gzip.decompress((tmp_path / "packed.gz").read_bytes()) == content


@pytest.mark.parametrize("content, share", [(NOISE, 0.75), (TEXT, 0.01), (bytes(3_000_000), 0.01)])
def test_it_is_about_as_small_as_gzip_makes_it(tmp_path, content, share):
    (tmp_path / "plain").write_bytes(content)
    pack(tmp_path / "plain", tmp_path / "packed.gz")
    size = (tmp_path / "packed.gz").stat().st_size
    assert size < share * len(content) and size < 1.1 * len(gzip.compress(content, 1)) + 1000


def test_equal_files_are_packed_equally(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(NOISE)
        pack(tmp_path / name, tmp_path / f"{name}.gz")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(OSError):
        pack(tmp_path / "plain", tmp_path / "missing" / "packed.gz")
