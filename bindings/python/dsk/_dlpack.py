"""Tensors of other libraries through DLPack (numpy, torch, cupy, jax): an address with a shape. Nothing is copied."""

from __future__ import annotations

from typing import Any

from ._loader import native

# (type code, bits) of DLPack (dlpack.h): signed, unsigned, float, bfloat, the FP8 of version 1.1.
DTYPES = {
    (2, 32): native.DSK_DTYPE_F32,
    (4, 16): native.DSK_DTYPE_BF16,
    (2, 16): native.DSK_DTYPE_F16,
    (10, 8): native.DSK_DTYPE_F8E4M3,
    (0, 8): native.DSK_DTYPE_I8,
    (0, 32): native.DSK_DTYPE_I32,
}
HOST = frozenset({1, 3, 11})  # CPU, and host memory pinned by CUDA or ROCm


class Tensor:
    """One tensor of the caller's: it stays alive as long as this object. It must be dense and row-major."""

    __slots__ = ("owner", "capsule", "address", "device_type", "device_id", "dtype", "element_bytes", "shape", "read_only")

    def __init__(self, owner: Any, what: str = "tensor") -> None:
        export = getattr(owner, "__dlpack__", None)
        if export is None:
            raise TypeError(f"{what} is a {type(owner).__name__} and must have __dlpack__ (numpy, torch, cupy, jax)")
        self.owner = owner
        self.capsule = _capsule(export, what)
        info = native.dlpack_tensor(self.capsule)
        self.address, self.device_type, self.device_id, code, bits, lanes, self.shape, strides, self.read_only = info
        if lanes != 1 or bits % 8:
            raise TypeError(f"{what} has elements of {bits} bits times {lanes}")
        self.dtype: int | None = DTYPES.get((code, bits))
        self.element_bytes = bits // 8
        if strides is not None and not _dense(self.shape, strides):
            raise ValueError(f"{what} has shape {self.shape} with strides {strides} and must be dense and row-major")

    @property
    def size_bytes(self) -> int:
        count = self.element_bytes
        for extent in self.shape:
            count *= extent
        return count

    @property
    def on_host(self) -> bool:
        return self.device_type in HOST


def _capsule(export: Any, what: str) -> Any:
    try:
        try:
            # Version 1 can say that a tensor is read-only.
            return export(max_version=(1, 0))
        except TypeError:  # a library from before it (numpy 2.0, torch 2.5)
            return export()
    except (BufferError, RuntimeError) as error:  # the second is torch's
        raise TypeError(f"{what} cannot be given through DLPack: {error}") from error


def _dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    expected = 1
    for extent, stride in zip(reversed(shape), reversed(strides)):
        if extent != 1 and stride != expected:
            return False
        expected *= extent
    return True
