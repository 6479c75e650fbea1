"""What the published code calls the weights: its files can be read, and ours can be read by it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Naming:
    """Patterns in our names and what they become, applied one after the other."""

    rules: tuple[tuple[str, str], ...]

    def official(self, name: str) -> str:
        """The published code's name of one of our weights."""
        for pattern, replacement in self.rules:
            name = re.sub(pattern, replacement, name)
        return name


# The misspelt "extration" is theirs.
_COMMON = (
    (r"^extractor\.", "_feature_extractor."),
    (r"^updates\.", "_not_none_dense_extration_networks."),
    (r"^affine\.", "_affine_extraction_network."),
    (r"\bprojection\.(weight|bias)", r"initial_projection.\1"),
    (r"\bcoarser\.", "downsampling_blocks."),
)

SINCE_2024 = Naming(
    (
        *_COMMON,
        (r"\bfirst\.", "initial_convs."),
        (r"\bstrided\.", "downsampling.conv."),
        (r"\bskip\.", "projection.conv."),
        (r"(downsampling_blocks\.\d+)\.block\.", r"\1.conv."),
        (r"(networks\.\d+)\.block\.", r"\1.convolutions."),
        (r"(networks\.\d+)\.final\.", r"\1.final_convolution.conv."),
        (r"\bconvolutions\.(\d+)\.(weight|bias)", r"convolutions.\1.conv.\2"),
        (r"\bnorms\.", "normalizers."),
        (r"\bhidden_1\.", "linears.0."),
        (r"\bhidden_2\.", "linears.1."),
        (r"(_affine_extraction_network)\.final\.", r"\1.final_linear."),
    )
)

UNTIL_2023 = Naming(
    (
        *_COMMON,
        (r"\bfirst\.", "initial_conv."),
        (r"\bstrided\.", "downsampling."),
        (r"\bskip\.", "projection."),
        (r"(downsampling_blocks\.\d+)\.block\.", r"\1.double_conv."),
        (r"(networks\.\d+)\.block\.", r"\1._convolution_block."),
        (r"(networks\.\d+)\.final\.", r"\1._final_conv."),
        (r"\bnorms\.", "normalizer_modules."),
        (r"\bhidden_1\.", "_linear_1."),
        (r"\bhidden_2\.", "_linear_2."),
        (r"(_affine_extraction_network)\.final\.", r"\1._final_linear."),
    )
)
