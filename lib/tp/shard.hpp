// Sharding arithmetic: which rows and columns of a weight a rank holds, and the shard as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dsk/tp.h"

namespace dsk::tp {

struct Range {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end - begin; }
};

/// Bits of one element.
std::uint32_t bits_of(dsk_dtype dtype);
const char* name_of(dsk_dtype dtype);

/// Rank's part of `total`. Equal parts when they are multiples of `unit`; otherwise parts are whole
/// units as even as can be, lower ranks first, and the last part takes a ragged tail. Throws
/// INVALID_ARGUMENT when a rank would get nothing.
Range split(std::uint64_t total, std::uint32_t ranks, std::uint32_t rank, std::uint64_t unit);

/// Unit of a split of outputs: equal parts may have any size, uneven ones keep vector stores
/// aligned if they can.
std::uint64_t output_unit(std::uint64_t total, std::uint32_t ranks);
/// Unit of a split of inputs: 16 bytes of x and of the weight's row (8 bytes for I4).
std::uint64_t input_unit(dsk_dtype activation, dsk_dtype weight);

/// Attention heads of one rank, as ranges of heads.
struct HeadSplit {
  Range query, key_value;
};
/// Key and value heads are split, or each is replicated on ranks / kv_heads ranks. Throws
/// INVALID_ARGUMENT when heads do not divide.
HeadSplit split_heads(std::uint32_t q_heads, std::uint32_t kv_heads, std::uint32_t ranks,
                      std::uint32_t rank);

/// A whole weight that has been checked (see dsk_tp_weight).
struct Weight {
  dsk_dtype dtype = DSK_DTYPE_NONE;
  std::uint64_t n = 0, k = 0;
  const std::byte* data = nullptr;
  std::vector<float> scales; // F8E4M3 [n/128][k/128], I8 [n], I4 [n][k/128]
  const std::byte* bias = nullptr;

  std::uint64_t scale_columns() const;
};

/// Checks and converts what the caller gave; `name` is the argument in messages. Throws
/// INVALID_ARGUMENT.
Weight read_weight(const dsk_tp_weight* weight, const char* name, dsk_dtype activation);

/// Rows [rows) of a part of a weight.
struct Rows {
  const Weight* part;
  Range rows;
};

/// The shard in the form of dsk_backend_gemm_desc.
struct Shard {
  dsk_dtype dtype = DSK_DTYPE_NONE;
  std::uint64_t n = 0, k = 0;
  std::uint32_t k_phase = 0;
  std::vector<std::byte> data;
  std::vector<float> scales;
  std::vector<std::int32_t> scale_rows;
  std::uint64_t scale_row_count = 0;
  std::vector<std::byte> bias; // empty without bias
};

/// Takes `columns` of the given rows, in order, one under the other. All parts have the same dtype
/// and k.
Shard take(const std::vector<Rows>& pieces, Range columns, dsk_dtype activation);

} // namespace dsk::tp
