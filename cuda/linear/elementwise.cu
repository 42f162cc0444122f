#include "linear/elementwise.hpp"

#include <algorithm>

#include "linear/device_math.cuh"

namespace dsk::cuda {
namespace {

constexpr int threads = 256;

__device__ float activated(dsk_backend_activation activation, float x) {
  if (activation == DSK_BACKEND_GELU) return 0.5f * x * (1.0f + erff(x * 0.70710678118654752440f));
  if (activation == DSK_BACKEND_GELU_TANH)
    return 0.5f * x * (1.0f + tanhf(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
  return x / (1.0f + expf(-x));
}

template <class T>
__global__ void __launch_bounds__(threads)
    activate_kernel(dsk_backend_activation activation, std::uint64_t m, std::uint64_t inner,
                    const T* gate_up, T* h) {
  allow_consumer();
  wait_for_producer();
  const std::uint64_t count = m * inner;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * threads + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * threads) {
    const std::uint64_t row = i / inner, column = i % inner;
    const float gate = widen(gate_up[row * 2 * inner + column]),
                up = widen(gate_up[row * 2 * inner + inner + column]);
    h[i] = narrow<T>(activated(activation, gate) * up);
  }
}

/// One thread block for each row; a thread reads back only what it wrote.
template <class T>
__global__ void __launch_bounds__(1024)
    epilogue_kernel(dsk_backend_epilogue_desc desc, const void* in, const T* residual,
                    T* residual_out, T* out) {
  __shared__ float scratch[32];
  allow_consumer();
  wait_for_producer();
  const std::uint64_t at = blockIdx.x * desc.n;
  float squares = 0.0f;
  for (std::uint64_t i = threadIdx.x; i < desc.n; i += blockDim.x) {
    float value = load_as_float(in, desc.input_dtype, at + i);
    if (desc.bias) value += widen(static_cast<const T*>(desc.bias)[i]);
    if (residual) value += widen(residual[at + i]);
    const T rounded = narrow<T>(value);
    out[at + i] = rounded;
    if (residual_out) residual_out[at + i] = rounded;
    squares = fmaf(widen(rounded), widen(rounded), squares);
  }
  if (!desc.gamma) return;
  squares = warp_sum(squares);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = squares;
  __syncthreads();
  float sum = 0.0f;
  for (unsigned w = 0; w < blockDim.x / 32; ++w)
    sum += scratch[w];
  const float factor = 1.0f / sqrtf(sum / static_cast<float>(desc.n) + desc.eps);
  for (std::uint64_t i = threadIdx.x; i < desc.n; i += blockDim.x)
    out[at + i] =
        narrow<T>(widen(out[at + i]) * factor * widen(static_cast<const T*>(desc.gamma)[i]));
}

struct Offsets {
  std::uint64_t at[DSK_BACKEND_MAX_RANKS + 1];
};

template <class Word>
__global__ void __launch_bounds__(threads)
    unpack_kernel(Offsets offsets, std::uint32_t ranks, std::uint64_t widest, std::uint64_t m,
                  const Word* in, Word* out) {
  allow_consumer();
  wait_for_producer();
  const std::uint32_t rank = blockIdx.y;
  const std::uint64_t width = offsets.at[rank + 1] - offsets.at[rank], count = m * width;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * threads + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * threads)
    out[i / width * offsets.at[ranks] + offsets.at[rank] + i % width] = in[rank * m * widest + i];
}

template <class T>
__global__ void __launch_bounds__(threads)
    sum_kernel(std::uint32_t ranks, std::uint64_t count, const T* in, T* out) {
  allow_consumer();
  wait_for_producer();
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * threads + threadIdx.x; i < count;
       i += std::uint64_t{gridDim.x} * threads) {
    float sum = 0.0f;
    for (std::uint32_t r = 0; r < ranks; ++r)
      sum += widen(in[r * count + i]);
    out[i] = narrow<T>(sum);
  }
}

unsigned blocks_for(std::uint64_t count) {
  return static_cast<unsigned>(std::min<std::uint64_t>((count + threads - 1) / threads, 4096));
}

template <class Body> void with_type(dsk_dtype dtype, Body body) {
  if (dtype == DSK_DTYPE_F32)
    body(float{});
  else if (dtype == DSK_DTYPE_BF16)
    body(__nv_bfloat16{});
  else
    body(__half{});
}

} // namespace

void activate(dsk_dtype dtype, dsk_backend_activation activation, std::uint64_t m,
              std::uint64_t inner, const void* gate_up, void* h, Launch launch) {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    launch_kernel(activate_kernel<T>, dim3(blocks_for(m * inner)), dim3(threads), 0, launch,
                  activation, m, inner, static_cast<const T*>(gate_up), static_cast<T*>(h));
  });
}

void epilogue(const dsk_backend_epilogue_desc& desc, std::uint64_t m, const void* in,
              const void* residual, void* residual_out, void* out, Launch launch) {
  with_type(desc.activation_dtype, [&](auto zero) {
    using T = decltype(zero);
    const unsigned width = desc.n >= 4096 ? 1024 : desc.n >= 1024 ? 512 : 128;
    launch_kernel(epilogue_kernel<T>, dim3(static_cast<unsigned>(m)), dim3(width), 0, launch, desc,
                  in, static_cast<const T*>(residual), static_cast<T*>(residual_out),
                  static_cast<T*>(out));
  });
}

void unpack_columns(dsk_dtype dtype, std::uint32_t ranks, const std::uint64_t* offsets,
                    std::uint64_t m, const void* in, void* out, Launch launch) {
  Offsets copy{};
  std::uint64_t widest = 0;
  for (std::uint32_t r = 0; r <= ranks; ++r)
    copy.at[r] = offsets[r];
  for (std::uint32_t r = 0; r < ranks; ++r)
    widest = std::max(widest, offsets[r + 1] - offsets[r]);
  const dim3 grid(blocks_for(m * widest), ranks);
  if (dtype == DSK_DTYPE_F32)
    launch_kernel(unpack_kernel<std::uint32_t>, grid, dim3(threads), 0, launch, copy, ranks, widest,
                  m, static_cast<const std::uint32_t*>(in), static_cast<std::uint32_t*>(out));
  else
    launch_kernel(unpack_kernel<std::uint16_t>, grid, dim3(threads), 0, launch, copy, ranks, widest,
                  m, static_cast<const std::uint16_t*>(in), static_cast<std::uint16_t*>(out));
}

void sum_ranks(dsk_dtype dtype, std::uint32_t ranks, std::uint64_t count, const void* in, void* out,
               Launch launch) {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    launch_kernel(sum_kernel<T>, dim3(blocks_for(count)), dim3(threads), 0, launch, ranks, count,
                  static_cast<const T*>(in), static_cast<T*>(out));
  });
}

} // namespace dsk::cuda
