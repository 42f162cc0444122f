#include "linear/tensor_map.hpp"

#include <cuda_runtime_api.h>

namespace dsk::cuda {
namespace {

using Encode = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                            const cuuint64_t*, const cuuint32_t*, const cuuint32_t*,
                            CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                            CUtensorMapFloatOOBfill);

Encode encode() {
  static const Encode found = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry,
                                                                12000, cudaEnableDefault, &result);
    if (status != cudaSuccess) (void)cudaGetLastError();
    return status == cudaSuccess && result == cudaDriverEntryPointSuccess
               ? reinterpret_cast<Encode>(entry)
               : nullptr;
  }();
  return found;
}

} // namespace

bool make_tensor_map(CUtensorMap& out, dsk_dtype dtype, const void* base, std::uint64_t rows,
                     std::uint64_t columns, std::uint32_t box_rows) {
  const bool bytes = dtype == DSK_DTYPE_F8E4M3;
  const CUtensorMapDataType type = bytes                     ? CU_TENSOR_MAP_DATA_TYPE_UINT8
                                   : dtype == DSK_DTYPE_BF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                                             : CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  const cuuint64_t dims[2] = {columns, rows}, pitch[1] = {columns * (bytes ? 1 : 2)};
  const cuuint32_t box[2] = {bytes ? 128u : 64u, box_rows}, steps[2] = {1, 1};
  return encode() && reinterpret_cast<std::uintptr_t>(base) % 16 == 0 && pitch[0] % 16 == 0 &&
         encode()(&out, type, 2, const_cast<void*>(base), dims, pitch, box, steps,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

} // namespace dsk::cuda
