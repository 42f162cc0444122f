// Descriptions of matrices for the bulk tensor copy engine of compute capability 9.0.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "dsk/dtype.h"

namespace dsk::cuda {

/// A row-major matrix[rows][columns], loaded in boxes of box_rows x 128 bytes that land in shared
/// memory with the 128-byte swizzle; places outside the matrix read as zero. False when the engine
/// cannot take it: base and pitch must be multiples of 16 bytes, and the driver must have the call.
bool make_tensor_map(CUtensorMap& out, dsk_dtype dtype, const void* base, std::uint64_t rows,
                     std::uint64_t columns, std::uint32_t box_rows);

} // namespace dsk::cuda
