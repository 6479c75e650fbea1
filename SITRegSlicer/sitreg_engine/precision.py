"""In which floating point format convolutions are fastest on a device."""

import torch


def convolution_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor computes with it, else float32: emulated, bfloat16 would be slower.

    By what the processor says of itself, not by trying: the same machine shall always give the same result.
    """
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = device.type == "cpu" and computes_in_bfloat16(_capabilities())
    return torch.bfloat16 if fast else torch.float32


def keep_float32() -> None:
    """What is float32 stays so on a GPU, too: of itself, cuDNN multiplies with the ten bits of TF32."""
    torch.backends.cudnn.allow_tf32 = False


def computes_in_bfloat16(capabilities: dict[str, object]) -> bool:
    """Whether a CPU of these capabilities (as torch names them) has instructions for bfloat16 products."""
    return any(bool(capabilities.get(name)) for name in ("amx_bf16", "avx512_bf16"))


def _capabilities() -> dict[str, object]:
    # Older versions of torch do not tell.
    return dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}
