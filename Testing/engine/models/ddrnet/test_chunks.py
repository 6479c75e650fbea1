"""A grid comes apart into chunks and together again; where they overlap, no seam is left."""

import itertools

import pytest
import torch

from sitreg_engine.models.ddrnet.chunks import layout, merge, split

QUARTERS = (1, 2, 2)
LAYOUTS = [  # shape, splits, most voxels, overlap
    ((32, 48, 64), QUARTERS, 10**9, 0),
    ((32, 48, 64), QUARTERS, 10**9, 16),
    ((48, 48, 48), QUARTERS, 32**3, 16),
    ((48, 80, 64), (3, 3, 3), 10**9, 16),
    ((16, 16, 16), QUARTERS, 10**9, 16),
    ((16, 112, 96), (1, 7, 2), 10**9, 0),
    ((64, 96, 32), QUARTERS, 32 * 64 * 32, 32),
    ((96, 96, 96), (1, 1, 1), 1, 16),
]


@pytest.mark.parametrize(("shape", "splits", "most", "overlap"), LAYOUTS)
def test_what_is_split_and_merged_is_what_it_was(shape, splits, most, overlap):
    x = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(1))
    chunks = layout(shape, splits, most, overlap, 16)
    merged = merge(split(x, chunks), chunks, shape)
    assert torch.equal(merged, x) if overlap == 0 else torch.allclose(merged, x, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("shape", "splits", "most", "overlap"), LAYOUTS)
def test_shares_add_up_to_one_everywhere_and_none_is_negative(shape, splits, most, overlap):
    chunks = layout(shape, splits, most, overlap, 16)
    total = torch.zeros(shape)
    for chunk in chunks:
        share = chunk.weights(total)
        assert share.min() >= 0
        total[chunk.place] += share
    assert (total - 1).abs().max() < 1e-6


@pytest.mark.parametrize(("shape", "splits", "most", "overlap"), LAYOUTS)
def test_chunks_begin_at_and_have_sizes_of_multiples_of_the_unit(shape, splits, most, overlap):
    chunks = layout(shape, splits, most, overlap, 16)
    numbers = itertools.chain.from_iterable((s.start, s.stop) for chunk in chunks for s in chunk.spans)
    assert all(number % 16 == 0 for number in numbers)


def test_the_papers_volume_is_cut_into_four_quarters():
    chunks = layout((160, 192, 224), QUARTERS, 2_000_000, 0, 16)
    assert [chunk.shape for chunk in chunks] == [(160, 96, 112)] * 4
    assert [tuple(s.start for s in chunk.spans) for chunk in chunks] == [(0, a, b) for a in (0, 96) for b in (0, 112)]


@pytest.mark.parametrize("shape", [(160, 192, 224), (256, 256, 256), (512, 512, 304), (96, 16, 2048)])
def test_no_chunk_is_larger_than_asked_for(shape):
    for overlap in (0, 16, 32):
        chunks = layout(shape, QUARTERS, 2_000_000, overlap, 16)
        assert max(torch.Size(chunk.shape).numel() for chunk in chunks) <= 2_000_000


def test_an_axis_too_short_for_its_splits_is_cut_less_often():
    chunks = layout((16, 16, 48), (2, 2, 2), 10**9, 16, 16)
    assert [chunk.shape for chunk in chunks] == [(16, 16, 32), (16, 16, 32)]


def test_neighbours_share_just_the_overlap():
    spans = [chunk.spans[2] for chunk in layout((16, 16, 96), (1, 1, 3), 10**9, 16, 16)]
    assert [(s.start, s.stop, s.before, s.after) for s in spans] == [(0, 48, 0, 16), (32, 80, 16, 16), (64, 96, 16, 0)]


def test_chunks_that_disagree_leave_no_seam():
    """Two chunks with values 0 and 1: tiled, they jump; blended, they change in steps of one in sixteen."""
    tiles, blended = (layout((16, 16, 64), (1, 1, 2), 10**9, overlap, 16) for overlap in (0, 16))

    def joined(chunks):
        parts = (torch.full((1, 1, *chunk.shape), float(number)) for number, chunk in enumerate(chunks))
        return merge(parts, chunks, (16, 16, 64))

    assert joined(tiles).diff(dim=-1).abs().max() == 1
    assert joined(blended).diff(dim=-1).abs().max() <= 1 / 16 + 1e-6


def test_merging_takes_one_part_at_a_time():
    chunks = layout((16, 32, 32), QUARTERS, 10**9, 0, 16)
    alive = []

    def parts():
        for chunk in chunks:
            alive.append("made")
            yield torch.ones(1, 3, *chunk.shape)
            alive.append("used")

    merge(parts(), chunks, (16, 32, 32))
    assert alive == ["made", "used"] * 4


def test_gradients_pass_through_the_blend():
    chunks = layout((16, 16, 64), (1, 1, 2), 10**9, 16, 16)
    x = torch.ones(1, 1, 16, 16, 64, requires_grad=True)
    merge(split(x, chunks), chunks, (16, 16, 64)).sum().backward()
    assert torch.allclose(x.grad, torch.ones_like(x), atol=1e-6)


def test_as_many_parts_as_chunks_are_wanted():
    chunks = layout((16, 32, 32), QUARTERS, 10**9, 0, 16)
    with pytest.raises(ValueError, match="argument 2"):
        merge([torch.ones(1, 1, 16, 16, 16)], chunks, (16, 32, 32))
