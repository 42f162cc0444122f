// Element-wise operations on the CPU; see dsk_backend_api for what each computes.
#pragma once

#include <cstdint>

#include "dsk/backend.h"

namespace dsk::tp {

void cpu_activate(dsk_dtype dtype, dsk_backend_activation activation, std::uint64_t m,
                  std::uint64_t inner, const void* gate_up, void* h);
void cpu_epilogue(const dsk_backend_epilogue_desc& desc, std::uint64_t m, const void* in,
                  const void* residual, void* residual_out, void* out);
void cpu_unpack_columns(dsk_dtype dtype, std::uint32_t ranks, const std::uint64_t* offsets,
                        std::uint64_t m, const void* in, void* out);
void cpu_sum_ranks(dsk_dtype dtype, std::uint32_t ranks, std::uint64_t count, const void* in,
                   void* out);

} // namespace dsk::tp
