import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.models.nephi.config import NePhiConfig, config_of, table_of


@pytest.mark.parametrize(
    ("shape", "blocks", "local"),
    [
        ((175, 175, 175), 6, (22, 22, 22)),
        ((128, 128, 128), 6, (16, 16, 16)),
        ((130, 155, 130), 6, (17, 20, 17)),
        ((160, 192, 224), 7, (10, 12, 14)),
        ((256, 256, 256), 7, (16, 16, 16)),
        ((350, 350, 350), 7, (22, 22, 22)),
    ],
)
def test_depth_and_size_of_the_codes_follow_from_the_image(shape, blocks, local):
    config = NePhiConfig(shape=shape)
    assert config.depth == blocks and config.after(config.local_block + 1) == local


def test_a_table_goes_there_and_back():
    config = NePhiConfig(shape=(48, 40, 48), hidden=64, norm="group")
    assert table_of(config) == {"shape": [48, 40, 48], "hidden": 64, "norm": "group"}
    assert config_of(table_of(config)) == config and config_of({}) == NePhiConfig()


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"width": 3}, "unknown entries \\(width\\)"),
        ({"shape": [16, 16]}, "three numbers"),
        ({"shape": [16, 16, 0]}, "three numbers"),
        ({"hidden": 0}, "hidden"),
        ({"layers": True}, "layers"),
        ({"norm": "layer"}, '"batch" or "group"'),
        ({"direct": 1}, "direct true or false"),
        ({"pooled": 3}, "pooled true or false"),
    ],
)
def test_a_table_that_describes_no_network_is_refused(table, word):
    with pytest.raises(InputError, match=word):
        config_of(table)
