"""Layers on the CPU backend with tensors of PyTorch given through DLPack (any version from 1.10 on, which brought bfloat16)."""

import gc
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from dsk import tp  # noqa: E402


def layer_of(weight: Any, kind: str, **more: Any) -> tp.Linear:
    comm = tp.local_comms([tp.Device("cpu")])[0]
    return tp.Linear(comm, tp.Weight(weight, **more), split="replicated", activation_dtype=kind, max_m=4)


def workspace(layer: Any) -> Any:
    return torch.zeros(layer.info.workspace_bytes, dtype=torch.int8)


@pytest.mark.parametrize("kind", ["bf16", "f16", "f32"])
def test_each_float_format(kind: str) -> None:
    dtype = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}[kind]
    w, x = torch.randn(8, 4).to(dtype), torch.randn(2, 4).to(dtype)
    layer = layer_of(w, kind)
    y = torch.zeros(2, 8, dtype=dtype)
    layer(x, y, workspace=workspace(layer))
    torch.testing.assert_close(y.float(), x.float() @ w.float().T, rtol=2e-2, atol=2e-2)


def test_a_row_split_with_bias_and_residual_adds_up() -> None:
    device = tp.Device("cpu")
    comms = tp.local_comms([device, device])
    w, x, bias, residual = torch.randn(8, 16), torch.randn(3, 16), torch.randn(8), torch.randn(3, 8)
    layers = [
        tp.Linear(c, tp.Weight(w, bias=bias), split="row", activation_dtype="f32", max_m=4, flags=["residual"]) for c in comms
    ]
    ys, parts = [torch.zeros(3, 8) for _ in comms], [p.contiguous() for p in x.chunk(2, dim=1)]
    sums, rooms = [residual.clone() for _ in comms], [workspace(layer) for layer in layers]
    with tp.Group(comms):
        for layer, part, y, both, room in zip(layers, parts, ys, sums, rooms):
            layer(part, y, residual=both, residual_out=both, workspace=room)
    for y in ys + sums:
        torch.testing.assert_close(y, x @ w.T + bias + residual, rtol=1e-4, atol=1e-4)


def test_int8_weights_with_scales() -> None:
    codes, scales, x = torch.randint(-127, 128, (8, 4), dtype=torch.int8), torch.rand(8) / 64, torch.randn(2, 4)
    layer = layer_of(codes, "f32", scales=scales)
    y = torch.zeros(2, 8)
    layer(x, y, workspace=workspace(layer))
    torch.testing.assert_close(y, x @ (codes.float() * scales[:, None]).T, rtol=2e-2, atol=2e-2)


def test_a_parameter_is_taken_when_detached() -> None:
    w = torch.nn.Linear(4, 8, bias=False).weight
    with pytest.raises(TypeError, match="data cannot be given through DLPack: .*detach"):
        tp.Weight(w)
    layer = layer_of(w.detach(), "f32")
    x, y = torch.randn(2, 4), torch.zeros(2, 8)
    layer(x, y, workspace=workspace(layer))
    torch.testing.assert_close(y, x @ w.detach().T, rtol=1e-4, atol=1e-5)


def test_views_must_be_dense() -> None:
    with pytest.raises(ValueError, match="dense and row-major"):
        tp.Weight(torch.randn(4, 8).T)
    layer = layer_of(torch.randn(8, 4), "f32")
    with pytest.raises(ValueError, match="x has shape .* dense and row-major"):
        layer(torch.randn(2, 8)[:, ::2], torch.zeros(2, 8), workspace=workspace(layer))
    with pytest.raises(TypeError, match="another element type"):
        layer(torch.randn(2, 4, dtype=torch.float64), torch.zeros(2, 8), workspace=workspace(layer))


def test_a_weight_keeps_its_tensor_and_lets_go_of_it() -> None:
    w = torch.randn(8, 4)
    kept = w.clone()
    weight = tp.Weight(w)
    del w
    gc.collect()
    layer = tp.Linear(tp.local_comms([tp.Device("cpu")])[0], weight, split="replicated", activation_dtype="f32", max_m=2)
    del weight
    x, y = torch.randn(2, 4), torch.zeros(2, 8)
    layer(x, y, workspace=workspace(layer))
    torch.testing.assert_close(y, x @ kept.T, rtol=1e-4, atol=1e-5)
