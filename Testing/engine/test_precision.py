"""Which format convolutions are computed in."""

import pytest
import torch

from sitreg_engine.precision import computes_in_bfloat16, convolution_dtype


@pytest.mark.parametrize(
    "capabilities, expected",
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True, "avx512_bf16": False}, False)],
)
def test_bfloat16_is_taken_where_the_processor_has_instructions_for_it(capabilities, expected):
    assert computes_in_bfloat16(capabilities) is expected


def test_the_cpu_gets_the_format_that_its_capabilities_call_for():
    fast = computes_in_bfloat16(dict(torch.cpu.get_capabilities()))
    assert convolution_dtype(torch.device("cpu")) == (torch.bfloat16 if fast else torch.float32)


def test_other_devices_keep_to_float32():
    assert convolution_dtype(torch.device("meta")) == torch.float32
