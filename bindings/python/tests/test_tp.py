"""Layers on the CPU backend, with numpy arrays given through DLPack."""

import threading
from typing import Any

import numpy
import pytest

from dsk import CancelledError, InvalidArgumentError, NotFoundError, UnsupportedError, tp

RNG = numpy.random.default_rng(1)


def floats(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("f4")


def halves(x: Any) -> list[Any]:
    return [numpy.ascontiguousarray(part) for part in numpy.split(x, 2, axis=1)]


def two_ranks() -> list[tp.Comm]:
    device = tp.Device("cpu")
    return tp.local_comms([device, device])


def test_a_device() -> None:
    info = tp.Device("cpu").info
    assert info.backend == "cpu" and info.name
    with pytest.raises(NotFoundError):
        tp.Device("no-such-backend")
    with pytest.raises(UnsupportedError):
        tp.unique_id(tp.Device("cpu"))
    memory = tp.Device("cpu").memory(4096)
    x = floats(32, 32)
    y = numpy.zeros_like(x)
    device = tp.Device("cpu")
    device.copy(memory.address, x.ctypes.data, 4096)
    device.copy(y.ctypes.data, memory.address, 4096)
    assert (x == y).all() and memory.address % 256 == 0
    memory.close()
    memory.close()


def test_a_row_split_adds_up() -> None:
    comms = two_ranks()
    w, x, bias = floats(64, 32), floats(4, 32), floats(64)
    layers = [tp.Linear(c, tp.Weight(w, bias=bias), split="row", activation_dtype="f32", max_m=16) for c in comms]
    ys = [numpy.zeros((4, 64), "f4") for _ in comms]
    room = [numpy.zeros(layer.info.workspace_bytes, "i1") for layer in layers]
    with tp.Group(comms):
        for layer, part, y, work in zip(layers, halves(x), ys, room):
            layer(part, y, workspace=work)
    for y in ys:
        numpy.testing.assert_allclose(y, x @ w.T + bias, rtol=1e-4, atol=1e-4)
    assert (layers[1].info.k_offset, layers[1].info.k, comms[1].info.rank) == (16, 16, 1)


def test_ranks_on_threads_of_their_own() -> None:
    comms = two_ranks()
    w, x = floats(64, 32), floats(4, 32)
    layers = [tp.Linear(c, tp.Weight(w), split="row", activation_dtype="f32", max_m=4) for c in comms]
    ys = [numpy.zeros((4, 64), "f4") for _ in comms]

    def run(rank: int, part: Any) -> None:
        layers[rank](part, ys[rank], workspace=numpy.zeros(layers[rank].info.workspace_bytes, "i1"))
        comms[rank].wait()

    threads = [threading.Thread(target=run, args=(rank, part)) for rank, part in enumerate(halves(x))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numpy.testing.assert_allclose(ys[0], x @ w.T, rtol=1e-4, atol=1e-4)
    assert (ys[0] == ys[1]).all()


def test_an_mlp_in_a_graph() -> None:
    comms = two_ranks()
    hidden, inner = 16, 32
    gate, up, down, x = floats(inner, hidden), floats(inner, hidden), floats(hidden, inner), floats(2, hidden)
    layers = [
        tp.Mlp(c, tp.Weight(gate), tp.Weight(up), tp.Weight(down), activation_dtype="f32", max_m=2) for c in comms
    ]
    ys = [numpy.zeros((2, hidden), "f4") for _ in comms]
    room = [numpy.zeros(layer.info.workspace_bytes, "i1") for layer in layers]
    graph = tp.Graph(comms)
    steps = [graph.add(layer, x, y, workspace=work) for layer, y, work in zip(layers, ys, room)]
    graph.capture()
    graph.replay()
    g = x @ gate.T
    expected = (g / (1 + numpy.exp(-g)) * (x @ up.T)) @ down.T
    for y in ys:
        numpy.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3)
    assert graph.info.captured and graph.info.steps == 2
    for step, layer, y, work in zip(steps, layers, ys, room):
        graph.set(step, layer, x, y, workspace=work, m=1)
    graph.capture()
    for y in ys:
        y[:] = 0
    graph.replay()
    assert (ys[0][0] != 0).all() and (ys[0][1] == 0).all()


def test_a_norm_and_a_residual_after_the_sum() -> None:
    comm = tp.local_comms([tp.Device("cpu")])[0]
    w, x, residual, gamma = floats(8, 8), floats(2, 8), floats(2, 8), numpy.ones(8, "f4")
    layer = tp.Linear(comm, tp.Weight(w), split="row", activation_dtype="f32", max_m=2, flags=["residual"], gamma=gamma)
    y, out = numpy.zeros((2, 8), "f4"), numpy.zeros((2, 8), "f4")
    layer(x, y, residual=residual, residual_out=out, workspace=numpy.zeros(layer.info.workspace_bytes, "i1"))
    total = x @ w.T + residual
    numpy.testing.assert_allclose(out, total, rtol=1e-4, atol=1e-5)
    numpy.testing.assert_allclose(y, total / numpy.sqrt((total**2).mean(1, keepdims=True) + 1e-6), rtol=1e-3, atol=1e-4)


def test_tensors_that_do_not_fit_are_named() -> None:
    comm = tp.local_comms([tp.Device("cpu")])[0]
    layer = tp.Linear(comm, tp.Weight(floats(8, 8)), split="replicated", activation_dtype="f32", max_m=2)
    x, y = floats(2, 8), numpy.zeros((2, 8), "f4")
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\)"):
        layer(floats(2, 4), y)
    with pytest.raises(ValueError, match="dense and row-major"):
        layer(floats(8, 4).T[:, ::2], y)
    with pytest.raises(TypeError, match="__dlpack__"):
        layer([1, 2], y)
    with pytest.raises(TypeError, match="another element type"):
        layer(x.astype("f8"), y)
    with pytest.raises(TypeError, match="another element type"):
        layer(x.astype("f2"), y)
    with pytest.raises(TypeError, match="no layer takes"):
        tp.Weight(numpy.zeros((8, 8), "f8"))
    with pytest.raises(ValueError, match="one of replicated, column, row"):
        tp.Linear(comm, tp.Weight(floats(8, 8)), split="columns", max_m=2)
    with pytest.raises(InvalidArgumentError):
        layer(floats(3, 8), numpy.zeros((3, 8), "f4"))  # above max_m
    fixed = numpy.zeros((2, 8), "f4")
    fixed.flags.writeable = False
    with pytest.raises((ValueError, TypeError), match="read-only|readonly"):
        layer(x, fixed)


def test_an_aborted_communicator() -> None:
    comms = two_ranks()
    comms[0].abort()
    with pytest.raises(CancelledError):
        comms[0].wait()
    assert comms[0].info.aborted


def test_a_group_whose_block_raises_runs_nothing() -> None:
    comms = two_ranks()
    layers = [tp.Linear(c, tp.Weight(floats(8, 8)), split="row", activation_dtype="f32", max_m=2) for c in comms]
    y = numpy.zeros((2, 8), "f4")
    with pytest.raises(KeyError, match="mine"), tp.Group(comms):
        layers[0](floats(2, 4), y, workspace=numpy.zeros(layers[0].info.workspace_bytes, "i1"))
        raise KeyError("mine")
    assert (y == 0).all()


def test_tuning_and_files(tmp_path: Any) -> None:
    tuning = tp.Tuning()
    assert len(tuning) == 0 and len(tp.Tuning(tuning.to_json())) == 0
    header = b'{"layer.weight":{"dtype":"F32","shape":[8,4],"data_offsets":[0,128]}}'
    w = floats(8, 4)
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + w.tobytes())
    weights = tp.Weights(str(file))
    assert weights.names() == ["layer.weight"] and len(weights) == 1
    comm = tp.local_comms([tp.Device("cpu")])[0]
    layer = tp.Linear(comm, weights.weight("layer"), split="replicated", activation_dtype="f32", max_m=2, tuning=tuning)
    weights.close()
    x, y = floats(2, 4), numpy.zeros((2, 8), "f4")
    layer(x, y, workspace=numpy.zeros(layer.info.workspace_bytes, "i1"))
    numpy.testing.assert_allclose(y, x @ w.T, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="closed"):
        weights.weight("layer")


def test_bfloat16_in_16_bit_integers() -> None:
    comm = tp.local_comms([tp.Device("cpu")])[0]
    w, x = floats(8, 4), floats(2, 4)

    def bf16(values: Any) -> Any:
        return (values.view("u4") >> 16).astype("u2")

    def back(bits: Any) -> Any:
        return (bits.astype("u4") << 16).view("f4")

    layer = tp.Linear(comm, tp.Weight(bf16(w), dtype="bf16"), split="replicated", activation_dtype="bf16", max_m=2)
    y = numpy.zeros((2, 8), "u2")
    layer(bf16(x), y, workspace=numpy.zeros(layer.info.workspace_bytes, "i1"))
    numpy.testing.assert_allclose(back(y), back(bf16(x)) @ back(bf16(w)).T, rtol=2e-2, atol=2e-2)


def test_a_tensor_of_another_device_is_refused() -> None:
    comm = tp.local_comms([tp.Device("cpu")])[0]
    comm.backend = "cuda"  # the other way round needs a GPU
    layer = tp.Linear(comm, tp.Weight(floats(8, 8)), split="replicated", activation_dtype="f32", max_m=2)
    with pytest.raises(ValueError, match="must lie on the device"):
        layer(floats(2, 8), numpy.zeros((2, 8), "f4"))
