// Small device helpers shared by the kernels.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "dsk/dtype.h"
#include "linear/product.hpp"
#include "protocol/number.hpp"

namespace dsk::cuda {

/// Waits until the kernels before this one are complete and their writes seen. Every thread block
/// of every kernel calls it, so that "complete" reaches back through the whole chain.
__device__ __forceinline__ void wait_for_producer() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the next kernel begin its own preparation as soon as every block of this one runs. It may
/// be called before the wait: the next kernel's own wait is for the whole of this one.
__device__ __forceinline__ void allow_consumer() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

template <class T> __device__ __forceinline__ float widen(T value);
template <> __device__ __forceinline__ float widen(float value) {
  return value;
}
template <> __device__ __forceinline__ float widen(__half value) {
  return __half2float(value);
}
template <> __device__ __forceinline__ float widen(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

template <class T> __device__ __forceinline__ T narrow(float value);
template <> __device__ __forceinline__ float narrow(float value) {
  return value;
}
template <> __device__ __forceinline__ __half narrow(float value) {
  return __float2half_rn(value);
}
template <> __device__ __forceinline__ __nv_bfloat16 narrow(float value) {
  return __float2bfloat16_rn(value);
}

__device__ __forceinline__ float load_as_float(const void* base, dsk_dtype dtype,
                                               std::uint64_t index) {
  if (dtype == DSK_DTYPE_F32) return static_cast<const float*>(base)[index];
  if (dtype == DSK_DTYPE_BF16) return widen(static_cast<const __nv_bfloat16*>(base)[index]);
  return widen(static_cast<const __half*>(base)[index]);
}
__device__ __forceinline__ void store_as(void* base, dsk_dtype dtype, std::uint64_t index,
                                         float value) {
  if (dtype == DSK_DTYPE_F32)
    static_cast<float*>(base)[index] = value;
  else if (dtype == DSK_DTYPE_BF16)
    static_cast<__nv_bfloat16*>(base)[index] = narrow<__nv_bfloat16>(value);
  else
    static_cast<__half*>(base)[index] = narrow<__half>(value);
}

/// The value of an E4M3 code, exact in F16.
__device__ __forceinline__ __half2 half_pair_of_e4m3(std::uint16_t pair) {
  return __half2(__nv_cvt_fp8x2_to_halfraw2(pair, __NV_E4M3));
}

/// Nearest E4M3 value of `value` as F16, ties to even, saturating.
__device__ __forceinline__ std::uint8_t e4m3_of(float value) {
  return __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3);
}

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1)
    value += __shfl_xor_sync(0xffffffffu, value, mask);
  return value;
}
__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1)
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, mask));
  return value;
}

/// Eight 16-bit values of a lane, of 128 that half a warp holds, as E4M3 codes with the block's
/// scale.
__device__ __forceinline__ uint2 quantised_eight(const uint4& raw, dsk_dtype dtype, float& scale) {
  float value[8];
  const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (dtype == DSK_DTYPE_BF16) {
      value[2 * i] = __uint_as_float(words[i] << 16);
      value[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
    } else {
      const float2 pair = __half22float2(*reinterpret_cast<const __half2*>(&words[i]));
      value[2 * i] = pair.x;
      value[2 * i + 1] = pair.y;
    }
  float largest = 0.0f;
#pragma unroll
  for (int i = 0; i < 8; ++i)
    largest = fmaxf(largest, fabsf(value[i]));
#pragma unroll
  for (int mask = 8; mask > 0; mask >>= 1)
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, mask));
  scale = number::block_scale(largest, number::e4m3_largest);
  float quotient[8];
  if (scale > 0x1p-80f && scale < 0x1p80f) {
    // The exact quotient by one reciprocal: Markstein's correction rounds it right (Handbook of
    // Floating-Point Arithmetic, 2nd edition, section 4.7).
    const float inverse = __frcp_rn(scale);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float near = value[i] * inverse;
      quotient[i] = fmaf(fmaf(-near, scale, value[i]), inverse, near);
    }
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      quotient[i] = value[i] / scale;
  }
  std::uint32_t codes[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < 4; ++i)
    codes[i / 2] |=
        std::uint32_t{__nv_cvt_float2_to_fp8x2(make_float2(quotient[2 * i], quotient[2 * i + 1]),
                                               __NV_SATFINITE, __NV_E4M3)}
        << (16 * (i % 2));
  return make_uint2(codes[0], codes[1]);
}

/// Kernel launch with the programmatic attribute where it is asked for. Errors show in
/// cudaGetLastError.
template <class... Parameters, class... Arguments>
void launch_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared,
                   Launch launch, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = launch.stream;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &attribute;
  config.numAttrs = launch.programmatic ? 1 : 0;
  (void)cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

} // namespace dsk::cuda
