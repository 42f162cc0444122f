// Element-wise kernels; see dsk_backend_api for what each computes.
#pragma once

#include "linear/product.hpp"

namespace dsk::cuda {

void activate(dsk_dtype dtype, dsk_backend_activation activation, std::uint64_t m,
              std::uint64_t inner, const void* gate_up, void* h, Launch launch);
void epilogue(const dsk_backend_epilogue_desc& desc, std::uint64_t m, const void* in,
              const void* residual, void* residual_out, void* out, Launch launch);
void unpack_columns(dsk_dtype dtype, std::uint32_t ranks, const std::uint64_t* offsets,
                    std::uint64_t m, const void* in, void* out, Launch launch);
void sum_ranks(dsk_dtype dtype, std::uint32_t ranks, std::uint64_t count, const void* in, void* out,
               Launch launch);

} // namespace dsk::cuda
