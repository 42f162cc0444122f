/**
 * Tensor-parallel linear layers: one interface over the CPU and CUDA backends. Weights are host memory in direct buffers and are
 * copied when a layer is made; activations are device memory ({@link ai.dsk.tp.DeviceMemory}, or a device pointer of the
 * caller's own, at the caller's own risk). Creation of the layers of one communicator and their runs are the caller's to
 * serialise; different communicators may be used at once.
 */
package ai.dsk.tp;
