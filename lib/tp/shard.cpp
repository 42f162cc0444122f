#include "tp/shard.hpp"

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "dsk/backend.h"
#include "protocol/number.hpp"

namespace dsk::tp {
namespace {

constexpr std::uint64_t block = DSK_BACKEND_SCALE_BLOCK;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(DSK_STATUS_INVALID_ARGUMENT, sentence);
}

std::uint64_t blocks(std::uint64_t width) {
  return (width + block - 1) / block;
}

std::uint64_t row_bytes(dsk_dtype dtype, std::uint64_t columns) {
  return columns * bits_of(dtype) / 8;
}

float scale_at(const void* scales, dsk_dtype dtype, std::uint64_t index) {
  if (dtype == DSK_DTYPE_F32) {
    float value;
    std::memcpy(&value, static_cast<const std::byte*>(scales) + index * 4, 4);
    return value;
  }
  std::uint16_t code;
  std::memcpy(&code, static_cast<const std::byte*>(scales) + index * 2, 2);
  return dtype == DSK_DTYPE_BF16 ? number::from_bf16(code) : number::from_f16(code);
}

} // namespace

std::uint32_t bits_of(dsk_dtype dtype) {
  switch (dtype) {
  case DSK_DTYPE_F32:
  case DSK_DTYPE_I32:
    return 32;
  case DSK_DTYPE_BF16:
  case DSK_DTYPE_F16:
    return 16;
  case DSK_DTYPE_F8E4M3:
  case DSK_DTYPE_I8:
    return 8;
  case DSK_DTYPE_I4:
    return 4;
  default:
    return 0;
  }
}

const char* name_of(dsk_dtype dtype) {
  switch (dtype) {
  case DSK_DTYPE_F32:
    return "F32";
  case DSK_DTYPE_BF16:
    return "BF16";
  case DSK_DTYPE_F16:
    return "F16";
  case DSK_DTYPE_F8E4M3:
    return "F8E4M3";
  case DSK_DTYPE_I8:
    return "I8";
  case DSK_DTYPE_I4:
    return "I4";
  case DSK_DTYPE_I32:
    return "I32";
  default:
    return "an unknown type";
  }
}

Range split(std::uint64_t total, std::uint32_t ranks, std::uint32_t rank, std::uint64_t unit) {
  if (total % ranks == 0 && (total / ranks) % unit == 0) {
    const std::uint64_t part = total / ranks;
    return {rank * part, (rank + 1) * part};
  }
  const std::uint64_t units = (total + unit - 1) / unit;
  if (units < ranks)
    refuse("a width of " + std::to_string(total) + " in units of " + std::to_string(unit) +
           " cannot be split over " + std::to_string(ranks) + " ranks");
  const std::uint64_t each = units / ranks, more = units % ranks;
  const std::uint64_t begin = rank * each + std::min<std::uint64_t>(rank, more);
  const std::uint64_t end = begin + each + (rank < more ? 1 : 0);
  return {begin * unit, std::min(end * unit, total)};
}

std::uint64_t output_unit(std::uint64_t total, std::uint32_t ranks) {
  if (total % ranks == 0) return 1;
  for (const std::uint64_t unit : {16u, 8u})
    if (total % unit == 0 && total / unit >= ranks) return unit;
  return 1;
}

std::uint64_t input_unit(dsk_dtype activation, dsk_dtype weight) {
  if (weight == DSK_DTYPE_F8E4M3 || weight == DSK_DTYPE_I8 || weight == DSK_DTYPE_I4) return 16;
  return 128 / bits_of(activation);
}

HeadSplit split_heads(std::uint32_t q_heads, std::uint32_t kv_heads, std::uint32_t ranks,
                      std::uint32_t rank) {
  if (kv_heads == 0 || q_heads % kv_heads != 0)
    refuse("q_heads " + std::to_string(q_heads) + " must be a multiple of kv_heads " +
           std::to_string(kv_heads));
  if (q_heads % ranks != 0)
    refuse("q_heads " + std::to_string(q_heads) + " cannot be split over " + std::to_string(ranks) +
           " ranks");
  HeadSplit out;
  const std::uint32_t q = q_heads / ranks;
  out.query = {std::uint64_t{rank} * q, std::uint64_t{rank + 1} * q};
  if (kv_heads >= ranks) {
    if (kv_heads % ranks != 0)
      refuse("kv_heads " + std::to_string(kv_heads) + " cannot be split over " +
             std::to_string(ranks) + " ranks");
    const std::uint32_t kv = kv_heads / ranks;
    out.key_value = {std::uint64_t{rank} * kv, std::uint64_t{rank + 1} * kv};
  } else {
    if (ranks % kv_heads != 0)
      refuse("kv_heads " + std::to_string(kv_heads) + " cannot be replicated evenly on " +
             std::to_string(ranks) + " ranks");
    const std::uint32_t head = rank / (ranks / kv_heads);
    out.key_value = {head, head + 1u};
  }
  return out;
}

std::uint64_t Weight::scale_columns() const {
  return dtype == DSK_DTYPE_F8E4M3 || dtype == DSK_DTYPE_I4 ? blocks(k) : 1;
}

Weight read_weight(const dsk_tp_weight* given, const char* name, dsk_dtype activation) {
  const std::string what(name);
  if (!given) refuse(what + " is NULL");
  if (given->struct_size < sizeof(dsk_tp_weight))
    refuse(what + ".struct_size is " + std::to_string(given->struct_size) +
           "; use DSK_TP_WEIGHT_INIT");
  Weight out;
  out.dtype = given->dtype;
  out.n = given->n;
  out.k = given->k;
  constexpr std::uint64_t largest = std::uint64_t{1} << 31;
  if (out.n == 0 || out.k == 0 || out.n > largest || out.k > largest)
    refuse(what + " is " + std::to_string(out.n) + " x " + std::to_string(out.k) +
           "; n and k must be 1 to 2^31");
  const bool plain =
      out.dtype == DSK_DTYPE_F32 || out.dtype == DSK_DTYPE_BF16 || out.dtype == DSK_DTYPE_F16;
  if (plain && out.dtype != activation)
    refuse(what + ".dtype is " + name_of(out.dtype) + " but the activations are " +
           name_of(activation));
  if (!plain && out.dtype != DSK_DTYPE_F8E4M3 && out.dtype != DSK_DTYPE_I8 &&
      out.dtype != DSK_DTYPE_I4)
    refuse(what + ".dtype is " + name_of(out.dtype) +
           "; allowed are F32, BF16, F16, F8E4M3, I8 and I4");
  if (out.dtype == DSK_DTYPE_I4 && out.k % 8 != 0)
    refuse(what + ".k is " + std::to_string(out.k) + "; an I4 weight needs a multiple of 8");
  if (!given->data) refuse(what + ".data is NULL");
  const std::uint64_t bytes = out.n * row_bytes(out.dtype, out.k);
  if (given->data_bytes != bytes)
    refuse(what + ".data_bytes is " + std::to_string(given->data_bytes) + "; " +
           std::to_string(out.n) + " x " + std::to_string(out.k) + " " + name_of(out.dtype) +
           " takes " + std::to_string(bytes));
  out.data = static_cast<const std::byte*>(given->data);
  out.bias = static_cast<const std::byte*>(given->bias);
  if (plain) {
    if (given->scales) refuse(what + ".scales must be NULL for " + name_of(out.dtype));
    return out;
  }
  if (!given->scales) refuse(what + ".scales is NULL; " + name_of(out.dtype) + " needs scales");
  const dsk_dtype kind = given->scales_dtype;
  if (kind != DSK_DTYPE_F32 && kind != DSK_DTYPE_BF16 && kind != DSK_DTYPE_F16)
    refuse(what + ".scales_dtype is " + name_of(kind) + "; allowed are F32, BF16 and F16");
  const std::uint64_t rows = out.dtype == DSK_DTYPE_F8E4M3 ? blocks(out.n) : out.n;
  const std::uint64_t count = rows * out.scale_columns();
  if (given->scales_bytes != count * bits_of(kind) / 8)
    refuse(what + ".scales_bytes is " + std::to_string(given->scales_bytes) + "; " +
           std::to_string(rows) + " x " + std::to_string(out.scale_columns()) + " " +
           name_of(kind) + " takes " + std::to_string(count * bits_of(kind) / 8));
  out.scales.resize(count);
  for (std::uint64_t i = 0; i < count; ++i)
    out.scales[i] = scale_at(given->scales, kind, i);
  return out;
}

Shard take(const std::vector<Rows>& pieces, Range columns, dsk_dtype activation) {
  Shard out;
  out.dtype = pieces.front().part->dtype;
  out.k = columns.size();
  const bool blocked = out.dtype == DSK_DTYPE_F8E4M3 || out.dtype == DSK_DTYPE_I4;
  out.k_phase = blocked ? static_cast<std::uint32_t>(columns.begin % block) : 0;
  bool biased = false;
  for (const Rows& piece : pieces) {
    out.n += piece.rows.size();
    biased = biased || piece.part->bias;
  }
  const std::uint64_t from_byte = row_bytes(out.dtype, columns.begin),
                      width = row_bytes(out.dtype, columns.size());
  out.data.resize(out.n * width);
  const std::uint64_t bias_bytes = bits_of(activation) / 8;
  if (biased) out.bias.resize(out.n * bias_bytes); // a part without bias has zeros
  const Range scale_columns =
      blocked ? Range{columns.begin / block, blocks(columns.end)} : Range{0, 1};
  std::map<std::pair<const Weight*, std::uint64_t>, std::int32_t> known;
  std::uint64_t row_out = 0;
  for (const Rows& piece : pieces) {
    const Weight& part = *piece.part;
    const std::uint64_t stride = row_bytes(out.dtype, part.k);
    for (std::uint64_t row = piece.rows.begin; row < piece.rows.end; ++row, ++row_out) {
      std::memcpy(out.data.data() + row_out * width, part.data + row * stride + from_byte, width);
      if (part.bias)
        std::memcpy(out.bias.data() + row_out * bias_bytes, part.bias + row * bias_bytes,
                    bias_bytes);
      if (part.scales.empty()) continue;
      const std::uint64_t scale_row = out.dtype == DSK_DTYPE_F8E4M3 ? row / block : row;
      const auto append = [&] {
        const float* from = part.scales.data() + scale_row * part.scale_columns();
        out.scales.insert(out.scales.end(), from + scale_columns.begin, from + scale_columns.end);
        return static_cast<std::int32_t>(out.scale_row_count++);
      };
      if (out.dtype != DSK_DTYPE_F8E4M3) {
        append();
        continue;
      }
      const auto [it, fresh] = known.try_emplace({&part, scale_row}, 0);
      if (fresh) it->second = append();
      out.scale_rows.push_back(it->second);
    }
  }
  return out;
}

} // namespace dsk::tp
