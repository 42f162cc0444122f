// The product on the CPU: a reference that accumulates in double precision, and a fast path in
// single precision.
#pragma once

#include <cstdint>

#include "dsk/backend.h"

namespace dsk::tp {

/// Bytes of workspace for m rows.
std::uint64_t cpu_gemm_workspace(const dsk_backend_gemm_desc& desc, std::uint64_t m);

/// y = x . w^T + bias as dsk_backend_gemm_desc describes. A row of y depends on its row of x only,
/// bit for bit, in both paths; the fast path gives the same bits on every x86-64 machine.
void cpu_gemm(const dsk_backend_gemm_desc& desc, std::uint64_t m, const void* x, void* y,
              void* workspace);

} // namespace dsk::tp
