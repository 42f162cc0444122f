// Types of a product's operands and results, as the libraries name them.
#pragma once

#include <cublasLt.h>

#include <cstdint>

#include "dsk/dtype.h"

namespace dsk::cuda::probe {

struct Types {
  cudaDataType_t input, output, scale;
  cublasComputeType_t compute;
  std::uint64_t input_bytes, output_bytes;
};

/// Throws UNSUPPORTED for a type that no product has.
Types types_of(dsk_dtype dtype);

/// The value of an element in host memory.
double element(const char* at, cudaDataType_t type);

} // namespace dsk::cuda::probe
