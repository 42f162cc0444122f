"""Tensor-parallel linear layers on the CPU and on CUDA.

    device = tp.Device("cpu")
    ranks = tp.local_comms([device, device])
    layers = [tp.Linear(comm, tp.Weight(w), split="row", activation_dtype="f32", max_m=16) for comm in ranks]
    with tp.Group(ranks):
        for layer, x, y in zip(layers, xs, ys):
            layer(x, y)

Tensors are anything with `__dlpack__` (numpy, torch, cupy, jax), dense and row-major; nothing is copied. Weights, scales, bias and
gamma are whole, on the host, and are read at creation only. x, y and residuals lie on the comm's device, 16-byte aligned; with a
stream they must live until its work is done. What threads may do: docs/threading.md and the head of dsk/tp.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple

from ._call import long_call
from ._dlpack import Tensor
from ._handle import Handle
from ._loader import native

DTYPES = {
    "f32": native.DSK_DTYPE_F32, "bf16": native.DSK_DTYPE_BF16, "f16": native.DSK_DTYPE_F16, "f8e4m3": native.DSK_DTYPE_F8E4M3,
    "i8": native.DSK_DTYPE_I8, "i4": native.DSK_DTYPE_I4,
}  # fmt: skip
SPLITS = {
    "replicated": native.DSK_TP_SPLIT_REPLICATED,
    "column": native.DSK_TP_SPLIT_COLUMN,
    "row": native.DSK_TP_SPLIT_ROW,
}
ACTIVATIONS = {
    "silu": native.DSK_TP_ACTIVATION_SILU,
    "gelu": native.DSK_TP_ACTIVATION_GELU,
    "gelu_tanh": native.DSK_TP_ACTIVATION_GELU_TANH,
}
TRANSPORTS = {
    "auto": native.DSK_TP_TRANSPORT_AUTO, "peer": native.DSK_TP_TRANSPORT_PEER, "vendor": native.DSK_TP_TRANSPORT_VENDOR,
}  # fmt: skip
MAX_M: int = native.DSK_TP_MAX_M
MAX_RANKS: int = native.DSK_TP_MAX_RANKS
NO_RANK: int = native.DSK_TP_NO_RANK


def _of(table: dict[str, int], name: str, value: str) -> int:
    try:
        return table[value]
    except KeyError:
        raise ValueError(f"{name} is {value!r} and must be one of {', '.join(table)}") from None


# ------------------------------------------------------------------ devices and communicators


class DeviceInfo(NamedTuple):
    """What was opened. "" is not known."""

    multiprocessors: int
    compute_major: int
    compute_minor: int
    memory_bytes: int
    backend: str
    name: str
    uuid: str
    driver_version: str
    blas_version: str
    collective_version: str


class Device(Handle):
    """Device `ordinal` of a backend: "cpu" or "cuda". UnavailableError names what is missing or too old."""

    __slots__ = ()

    def __init__(self, backend: str = "cpu", ordinal: int = 0) -> None:
        super().__init__(native.dsk_tp_device_create(backend, ordinal))

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo._make(native.dsk_tp_device_get_info(self._handle))

    def memory(self, size_bytes: int) -> DeviceMemory:
        """Device memory for callers without an allocator of their own."""
        return DeviceMemory(self, size_bytes)

    def copy(self, to: int, source: int, size_bytes: int) -> None:
        """Copies between host and device addresses in either direction; complete when it returns."""
        native.dsk_tp_device_memory_set(self._handle, to, source, size_bytes)

    def stream(self) -> Stream:
        return Stream(self)


class DeviceMemory:
    """256-byte aligned memory of a device at `address`, freed with the object."""

    __slots__ = ("_device", "address", "size_bytes")

    def __init__(self, device: Device, size_bytes: int) -> None:
        self.address: int = 0
        self._device = device._handle
        self.size_bytes = size_bytes
        self.address = native.dsk_tp_device_memory_create(self._device, size_bytes)

    def close(self) -> None:
        address, self.address = self.address, 0
        if address:
            native.dsk_tp_device_memory_destroy(self._device, address)

    __del__ = close


class Stream:
    """A stream of a device; `address` is a cudaStream_t, 0 on the CPU."""

    __slots__ = ("_device", "address")

    def __init__(self, device: Device) -> None:
        self.address: int = 0
        self._device = device._handle
        self.address = native.dsk_tp_stream_create(self._device)

    def close(self) -> None:
        address, self.address = self.address, 0
        if address:
            native.dsk_tp_stream_destroy(self._device, address)

    __del__ = close


def _stream(stream: Stream | int | None) -> int:
    return stream.address if isinstance(stream, Stream) else stream or 0


class CommInfo(NamedTuple):
    world: int
    rank: int
    lost_rank: int
    """NO_RANK, or the rank that a bounded wait or the heartbeat found lost"""
    aborted: bool
    transport: str
    """"threads", "tcp", "peer", "nccl", "peer+nccl" or "none" (one rank)"""


class Comm(Handle):
    """One rank of a communicator, made by local_comms(), join() or from_env()."""

    __slots__ = ("backend",)

    def __init__(self, handle: Any, backend: str) -> None:
        super().__init__(handle)
        self.backend = backend
        """Where its tensors lie: "cpu" or "cuda"."""

    @property
    def info(self) -> CommInfo:
        return CommInfo._make(native.dsk_tp_comm_get_info(self._handle))

    def wait(self, stream: Stream | int | None = None) -> None:
        """Waits until the work of `stream` is done. BackendError names a lost rank; DeadlineError: the comm's timeout."""
        native.dsk_tp_comm_wait(self._handle, _stream(stream))

    def abort(self) -> None:
        """Ends all waits of the communicator, from any thread; every later call on it fails with CancelledError."""
        native.dsk_tp_comm_abort(self._handle)


def _options(transport: str, timeout_ms: int, max_bytes: int) -> tuple[int, int, int]:
    return _of(TRANSPORTS, "transport", transport), timeout_ms, max_bytes


def local_comms(devices: Sequence[Device], *, transport: str = "auto", timeout_ms: int = 0, max_bytes: int = 0) -> list[Comm]:
    """All ranks of a communicator inside this process; devices[r] carries rank r, one device may carry several. 0 is default."""
    options = _options(transport, timeout_ms, max_bytes)
    handles = native.tp_comm_create_local([d._handle for d in devices], options)
    return [Comm(handle, device.info.backend) for handle, device in zip(handles, devices)]


def unique_id(device: Device) -> bytes:
    """An id on one rank, which the caller brings to the others. On the CPU: UnsupportedError."""
    return native.dsk_tp_unique_id_create(device._handle)


def join(device: Device, id: bytes, world: int, rank: int, *, transport: str = "auto", timeout_ms: int = 0,
         max_bytes: int = 0) -> Comm:  # fmt: skip
    """Joins a communicator of several processes by id; returns when all ranks have called."""
    options = _options(transport, timeout_ms, max_bytes)
    handle = long_call(lambda _: native.dsk_tp_comm_create(device._handle, id, world, rank, options), None, None)
    return Comm(handle, device.info.backend)


def from_env(backend: str = "cuda", *, transport: str = "auto", timeout_ms: int = 0, max_bytes: int = 0) -> Comm:
    """Joins the communicator that torchrun, mpirun, srun or a LeaderWorkerSet describes in the environment."""
    options = _options(transport, timeout_ms, max_bytes)
    return Comm(long_call(lambda _: native.dsk_tp_comm_create_from_env(backend, options), None, None), backend)


class Group:
    """Inside `with`, enqueues on these ranks (all of one local communicator, in any order) are kept; the end runs them together.
    One thread drives the group. When the block raises, nothing runs."""

    __slots__ = ("_comms", "_handle")

    def __init__(self, comms: Sequence[Comm]) -> None:
        self._comms = [c._handle for c in comms]
        self._handle: Any = None

    def __enter__(self) -> Group:
        self._handle = native.dsk_tp_group_begin(self._comms)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        handle, self._handle = self._handle, None
        if error is None:
            native.dsk_tp_group_end(handle)
            return
        try:
            native.dsk_tp_group_end(handle)
        except Exception:
            pass  # the block's own exception says more


# ------------------------------------------------------------------ weights and tuning


class Weight:
    """One weight as checkpoints store it, whole, on the host (formats: dsk_tp_weight in dsk/tp.h).

    dtype: "f32", "bf16", "f16", "f8e4m3", "i8" or "i4", where the tensor's own type does not say it (16-bit or 8-bit integers that
    hold a float format, packed 4-bit values). shape: (n, k), where the tensor is packed.
    """

    __slots__ = ("_kept", "_values")

    def __init__(self, data: Any, scales: Any = None, bias: Any = None, *, dtype: str | None = None,
                 scales_dtype: str | None = None, shape: tuple[int, int] | None = None) -> None:  # fmt: skip
        tensor = _host(data, "data")
        number = _dtype(tensor, dtype, "data")
        extents = shape or tensor.shape
        if len(extents) != 2:
            raise ValueError(f"data has shape {tuple(extents)} and must be [n, k]")
        scale = _host(scales, "scales") if scales is not None else None
        added = _host(bias, "bias") if bias is not None else None
        self._kept = (tensor, scale, added)
        self._values = (
            number, extents[0], extents[1], tensor.address, tensor.size_bytes,
            scale.address if scale else 0, scale.size_bytes if scale else 0,
            _dtype(scale, scales_dtype, "scales") if scale else native.DSK_DTYPE_NONE, added.address if added else 0,
        )  # fmt: skip

    @classmethod
    def _of_file(cls, file: Weights, values: tuple[Any, ...]) -> Weight:
        made = object.__new__(cls)
        made._kept = (file._handle,)  # type: ignore[assignment]
        made._values = values
        return made


def _host(tensor: Any, what: str) -> Tensor:
    made = Tensor(tensor, what)
    if not made.on_host:
        raise ValueError(f"{what} must lie on the host")
    return made


def _dtype(tensor: Tensor, name: str | None, what: str) -> int:
    if name is not None:
        return _of(DTYPES, "dtype", name)
    if tensor.dtype is None:
        raise TypeError(f"{what} has an element type that no layer takes; say which format it holds with dtype=")
    return tensor.dtype


class Weights(Handle):
    """A safetensors file, mapped."""

    __slots__ = ()

    def __init__(self, path: str) -> None:
        super().__init__(native.dsk_tp_weights_create(str(path)))

    def __len__(self) -> int:
        return native.dsk_tp_weights_count(self._handle)

    def names(self) -> list[str]:
        """Names of the tensors in file order."""
        return [native.dsk_tp_weights_get_name(self._handle, i) for i in range(len(self))]

    def weight(self, prefix: str) -> Weight:
        """The weight of the layer `prefix` with its scales and bias."""
        return Weight._of_file(self, native.dsk_tp_weights_get(self._handle, prefix))


class Tuning(Handle):
    """Measured choices; give the same object to every layer and keep to_json() for the next start."""

    __slots__ = ()

    def __init__(self, json: str = "") -> None:
        super().__init__(native.dsk_tp_tuning_create(json or None))

    def to_json(self) -> str:
        return native.dsk_tp_tuning_to_json(self._handle)

    def __len__(self) -> int:
        return native.dsk_tp_tuning_count(self._handle)


# ------------------------------------------------------------------ layers


class PlanInfo(NamedTuple):
    """A layer on this rank."""

    measured: int
    """Products whose choice was measured at creation"""
    n: int
    k: int
    n_offset: int
    """Of the shard in the whole weight (QKV: of the query part)"""
    k_offset: int
    input_columns: int
    output_columns: int
    weight_bytes: int
    workspace_bytes: int
    """For m up to max_m"""
    create_ms: float
    measure_ms: float


class _Layer(Handle):
    __slots__ = ("_info", "_on_host", "_dtype")
    _get_info: Any
    _enqueue: Any
    _add: Any

    def __init__(self, handle: Any, comm: Comm, dtype: int) -> None:
        super().__init__(handle)
        self._info = PlanInfo._make(type(self)._get_info(handle))
        self._on_host = comm.backend == "cpu"
        self._dtype = dtype

    @property
    def info(self) -> PlanInfo:
        if self._handle is None:
            raise ValueError("this layer is closed")
        return self._info

    def arguments(self, x: Any, y: Any, *, residual: Any = None, residual_out: Any = None, workspace: Any = None,
                  m: int | None = None) -> tuple[int, ...]:  # fmt: skip
        """Checks tensors against the layer and gives the addresses that an enqueue takes; a caller that repeats one may keep it
        as long as the tensors live. m: rows, where not all of x."""
        info = self.info
        tx, ty = Tensor(x, "x"), Tensor(y, "y")
        rows = tx.shape[0] if m is None and tx.shape else m or 0
        self._check(tx, "x", rows, info.input_columns)
        self._check(ty, "y", rows, info.output_columns, written=True)
        tr = Tensor(residual, "residual") if residual is not None else None
        to = Tensor(residual_out, "residual_out") if residual_out is not None else None
        if tr:
            self._check(tr, "residual", rows, info.output_columns)
        if to:
            self._check(to, "residual_out", rows, info.output_columns, written=True)
        work, size = self._memory(workspace)
        return rows, tx.address, ty.address, tr.address if tr else 0, to.address if to else 0, work, size

    def __call__(self, x: Any, y: Any, *, residual: Any = None, residual_out: Any = None, workspace: Any = None,
                 m: int | None = None, stream: Stream | int | None = None) -> None:  # fmt: skip
        """Runs the layer on `stream`. workspace: memory of info.workspace_bytes (a DeviceMemory or a tensor)."""
        arguments = self.arguments(x, y, residual=residual, residual_out=residual_out, workspace=workspace, m=m)
        type(self)._enqueue(self._handle, arguments, _stream(stream))


    def _memory(self, workspace: Any) -> tuple[int, int]:
        if workspace is None:
            return 0, 0
        if isinstance(workspace, DeviceMemory):
            return workspace.address, workspace.size_bytes
        tensor = Tensor(workspace, "workspace")
        self._check_place(tensor, "workspace")
        return tensor.address, tensor.size_bytes

    def _check(self, tensor: Tensor, what: str, rows: int, columns: int, written: bool = False) -> None:
        if len(tensor.shape) != 2 or tensor.shape[1] != columns or tensor.shape[0] < rows:
            raise ValueError(f"{what} has shape {tensor.shape} and must be [{rows}, {columns}]")
        # 16-bit integers may hold a float format that the tensor's library does not know.
        held = tensor.dtype is None and tensor.element_bytes == 2 and self._dtype != native.DSK_DTYPE_F32
        if tensor.dtype != self._dtype and not held:
            raise TypeError(f"{what} has another element type than the layer's activations")
        if written and tensor.read_only:
            raise ValueError(f"{what} is read-only")
        self._check_place(tensor, what)

    def _check_place(self, tensor: Tensor, what: str) -> None:
        if tensor.on_host != self._on_host:
            place = "the host" if self._on_host else "the device"
            raise ValueError(f"{what} lies elsewhere and must lie on {place}, where this layer runs")


FLAGS = {
    "gather_output": native.DSK_TP_GATHER_OUTPUT, "reduce_f32": native.DSK_TP_REDUCE_F32,
    "allow_tf32": native.DSK_TP_ALLOW_TF32, "batch_invariant": native.DSK_TP_BATCH_INVARIANT,
    "reference": native.DSK_TP_REFERENCE, "residual": native.DSK_TP_RESIDUAL, "no_measure": native.DSK_TP_NO_MEASURE,
}  # fmt: skip


def _flags(names: Sequence[str]) -> int:
    value = 0
    for name in names:
        value |= _of(FLAGS, "a flag", name)
    return value


class Linear(_Layer):
    """y = x . W^T + b, sharded. weight: one, or for fused QKV three (q, k, v) or one with q_heads > 0.

    split: "replicated", "column" or "row". flags: names of FLAGS. gamma: [n] on the host, RMSNorm of the output.
    """

    __slots__ = ()
    _get_info = staticmethod(native.dsk_tp_linear_get_info)
    _enqueue = staticmethod(native.dsk_tp_linear_enqueue)
    _add = staticmethod(native.dsk_tp_graph_add_linear)

    def __init__(self, comm: Comm, weight: Weight | Sequence[Weight], *, split: str, max_m: int, activation_dtype: str = "bf16",
                 flags: Sequence[str] = (), q_heads: int = 0, kv_heads: int = 0, head_dim: int = 0, gamma: Any = None,
                 norm_eps: float = 0, tuning: Tuning | None = None) -> None:  # fmt: skip
        weights = (weight,) if isinstance(weight, Weight) else tuple(weight)
        norm = _host(gamma, "gamma") if gamma is not None else None
        dtype = _of(DTYPES, "activation_dtype", activation_dtype)
        description = (
            _flags(flags), _of(SPLITS, "split", split), dtype, max_m, q_heads,
            kv_heads, head_dim, norm_eps, norm.address if norm else 0, tuple(w._values for w in weights),
            tuning._handle if tuning else None,
        )  # fmt: skip
        super().__init__(native.dsk_tp_linear_create(comm._handle, description), comm, dtype)


class Mlp(_Layer):
    """y = (activation(x . gate^T) * (x . up^T)) . down^T with the inner dimension split: one all-reduce."""

    __slots__ = ()
    _get_info = staticmethod(native.dsk_tp_mlp_get_info)
    _enqueue = staticmethod(native.dsk_tp_mlp_enqueue)
    _add = staticmethod(native.dsk_tp_graph_add_mlp)

    def __init__(self, comm: Comm, gate: Weight, up: Weight, down: Weight, *, max_m: int, activation: str = "silu",
                 activation_dtype: str = "bf16", flags: Sequence[str] = (), gamma: Any = None, norm_eps: float = 0,
                 tuning: Tuning | None = None) -> None:  # fmt: skip
        norm = _host(gamma, "gamma") if gamma is not None else None
        dtype = _of(DTYPES, "activation_dtype", activation_dtype)
        description = (
            _flags(flags), _of(ACTIVATIONS, "activation", activation), dtype, max_m,
            norm_eps, norm.address if norm else 0, gate._values, up._values, down._values, tuning._handle if tuning else None,
        )  # fmt: skip
        super().__init__(native.dsk_tp_mlp_create(comm._handle, description), comm, dtype)


class GraphInfo(NamedTuple):
    captured: bool
    steps: int
    """Layers in the chain, over all ranks"""
    nodes: int
    """Device nodes; 0 before capture"""
    memory_bytes: int
    """Device memory of the captured graph, an upper bound"""
    capture_ms: float


class Graph(Handle):
    """A chain of layers, captured once and replayed."""

    __slots__ = ()

    def __init__(self, comms: Sequence[Comm]) -> None:
        super().__init__(native.dsk_tp_graph_create([c._handle for c in comms]))

    def add(self, layer: Linear | Mlp, x: Any, y: Any, **arguments: Any) -> int:
        """Appends a layer to its rank's chain; the number is for set(). The tensors must outlive the graph."""
        return type(layer)._add(self._handle, layer._handle, layer.arguments(x, y, **arguments))

    def set(self, step: int, layer: Linear | Mlp, x: Any, y: Any, **arguments: Any) -> None:
        """Other tensors, or another m, for one step; counts from the next capture()."""
        native.dsk_tp_graph_set(self._handle, step, layer.arguments(x, y, **arguments))

    def capture(self) -> None:
        native.dsk_tp_graph_capture(self._handle)

    def replay(self, stream: Stream | int | None = None) -> None:
        native.dsk_tp_graph_replay(self._handle, _stream(stream))

    @property
    def info(self) -> GraphInfo:
        return GraphInfo._make(native.dsk_tp_graph_get_info(self._handle))
