#include "probe/operands.hpp"

#include <cstring>
#include <string>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "check.hpp"

namespace dsk::cuda::probe {

Types types_of(dsk_dtype dtype) {
  switch (dtype) {
  case DSK_DTYPE_BF16:
    return {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, 2, 2};
  case DSK_DTYPE_F16:
    return {CUDA_R_16F, CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 2, 2};
  case DSK_DTYPE_F32:
    return {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4, 4};
  case DSK_DTYPE_F8E4M3:
    return {CUDA_R_8F_E4M3, CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, 1, 2};
  case DSK_DTYPE_I8:
    return {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUBLAS_COMPUTE_32I, 1, 4};
  default:
    throw Failure(DSK_STATUS_UNSUPPORTED,
                  "no product has operands of type " + std::to_string(static_cast<int>(dtype)));
  }
}

double element(const char* at, cudaDataType_t type) {
  const auto as = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  switch (type) {
  case CUDA_R_16BF:
    return static_cast<double>(__bfloat162float(as(__nv_bfloat16{})));
  case CUDA_R_16F:
    return static_cast<double>(__half2float(as(__half{})));
  case CUDA_R_8F_E4M3:
    return static_cast<double>(static_cast<float>(as(__nv_fp8_e4m3{})));
  case CUDA_R_8I:
    return as(std::int8_t{});
  case CUDA_R_32I:
    return as(std::int32_t{});
  default:
    return static_cast<double>(as(0.0f));
  }
}

} // namespace dsk::cuda::probe
