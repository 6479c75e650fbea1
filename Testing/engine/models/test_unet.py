"""The shared U-Net: its published size, any shape of image, nearly no effect at first, cheaper training."""

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.unet import UNet, UNetConfig, flow_head, padded

SMALL = UNetConfig(2, (4, 6), (6, 6), (6, 4))


def _network(config: UNetConfig = SMALL) -> UNet:
    torch.manual_seed(0)
    return UNet(config)


def _images(shape: tuple[int, int, int], channels: int = 2) -> torch.Tensor:
    return torch.rand(1, channels, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels, parameters", [(2, 327_331), (3, 327_763)])
def test_with_a_flow_head_it_has_the_published_number_of_parameters(channels, parameters):
    network, head = UNet(UNetConfig(channels)), flow_head(16)
    assert sum(p.numel() for module in (network, head) for p in module.parameters()) == parameters


@pytest.mark.parametrize("shape", [(8, 8, 8), (9, 10, 11), (1, 5, 16), (3, 2, 1)])
def test_images_of_any_size_give_features_of_their_size(shape):
    features = _network()(_images(shape))
    assert features.shape == (1, 4, *shape)
    assert features.isfinite().all()


def test_padding_repeats_the_edge_and_stops_at_the_multiple():
    image = torch.arange(2 * 3 * 4.0).reshape(1, 1, 2, 3, 4)
    larger = padded(image, 4)
    assert larger.shape == (1, 1, 4, 4, 4)
    assert torch.equal(larger[..., :2, :3, :], image)
    assert torch.equal(larger[..., 3, :3, :], image[..., 1, :, :])
    assert padded(larger, 4) is larger


def test_features_of_a_padded_image_are_those_of_the_image_padded_before():
    network, image = _network(), _images((7, 6, 5))
    assert torch.equal(network(image), network(padded(image, 4))[..., :7, :6, :5])


def test_a_flow_head_begins_with_tiny_weights_and_its_bias():
    torch.manual_seed(0)
    head = flow_head(16, 1e-5, -10.0)
    assert float(head.weight.detach().std()) == pytest.approx(1e-5, rel=0.1)
    assert head.bias.tolist() == [-10.0] * 3


def test_a_shift_by_the_multiple_shifts_the_features():
    """Away from the borders: what the network does is the same everywhere."""
    network, image = _network(), _images((48, 8, 8))
    moved = torch.roll(image, 4, dims=2)
    assert torch.allclose(network(image)[:, :, 16:28], network(moved)[:, :, 20:32], atol=1e-6)


def test_in_bfloat16_it_is_nearly_the_same_and_returns_the_images_format():
    exact, rounded = _network(), _network()
    rounded.compute_in(torch.bfloat16)
    found, wanted = rounded(_images((8, 8, 8))), exact(_images((8, 8, 8)))
    assert found.dtype == torch.float32
    assert 0 < (found - wanted).abs().max() < 0.05


def test_with_checkpointing_gradients_are_the_same_and_less_is_kept():
    gradients, kept = [], []
    for checkpointing in (False, True):
        network, sizes = _network(UNetConfig()), {}
        network.checkpointing = checkpointing
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, s=sizes: s.update({t.data_ptr(): t.nbytes}) or t, lambda t: t
        ):
            loss = network(_images((16, 16, 32))).square().mean()
        loss.backward()
        kept.append(sum(sizes.values()))
        gradients.append([p.grad for p in network.parameters()])
    for plain, again in zip(*gradients, strict=True):
        assert torch.equal(plain, again)
    assert kept[1] < 0.6 * kept[0]


@pytest.mark.parametrize(
    "config, told",
    [
        ({"encoder": ()}, "encoder"),
        ({"decoder": (32, 0, 32, 32)}, "decoder"),
        ({"final": [16]}, "final"),
        ({"in_channels": 0}, "channels"),
        ({"encoder": (16, 32)}, "as many levels"),
    ],
)
def test_channels_that_make_no_network_are_refused(config, told):
    with pytest.raises(InputError, match=told):
        UNetConfig(**config)


def test_images_of_another_number_of_channels_are_refused():
    with pytest.raises(RuntimeError):
        _network()(_images((8, 8, 8), channels=3))
