// Number formats: how weights, activations and KV entries are stored and computed with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dsk {

/// An element type that hardware computes with or memory stores. Order is stable: tables index by
/// it.
enum class Element : std::uint8_t { fp32, tf32, bf16, fp16, fp8, int8, fp6, fp4, int4 };
inline constexpr int element_count = 9;

/// Bits of storage of one element (tf32 is stored as 32).
constexpr int element_bits(Element e) {
  switch (e) {
  case Element::fp32:
  case Element::tf32:
    return 32;
  case Element::bf16:
  case Element::fp16:
    return 16;
  case Element::fp8:
  case Element::int8:
    return 8;
  case Element::fp6:
    return 6;
  case Element::fp4:
  case Element::int4:
    return 4;
  }
  return 0;
}

std::string_view element_name(Element e);

/// How the elements of a weight matrix W[out, in] are stored: their type, and one scale for each
/// block of block_out x block_in elements. A block of 0 spans its whole dimension; scale_bits of 0
/// means that there are no scales at all. Partial blocks have a scale of their own.
struct WeightFormat {
  Element element = Element::bf16;
  int block_out = 0;
  int block_in = 0;
  int scale_bits = 0;  // 32: fp32, 16: bf16/fp16, 8: e8m0 or e4m3
  int zero_bits = 0;   // zero point of each block (AWQ, GPTQ)
  int tensor_bits = 0; // one further scale for the whole tensor (NVFP4's second level: 32)
  int input_bits = 0;  // one static activation scale stored beside the tensor

  bool operator==(const WeightFormat&) const = default;
};

namespace formats {
inline constexpr WeightFormat fp32{Element::fp32};
inline constexpr WeightFormat bf16{Element::bf16};
inline constexpr WeightFormat fp16{Element::fp16};
inline constexpr WeightFormat fp8_block{Element::fp8, 128, 128, 32}; // DeepSeek V3/R1
inline constexpr WeightFormat fp8_tensor{Element::fp8, 0, 0, 32};
inline constexpr WeightFormat fp8_channel{Element::fp8, 1, 0, 32};
inline constexpr WeightFormat int8_channel{Element::int8, 1, 0, 32};
inline constexpr WeightFormat int4_group128{Element::int4, 1, 128, 16};
inline constexpr WeightFormat mxfp4{Element::fp4, 1, 32, 8};
inline constexpr WeightFormat nvfp4{Element::fp4, 1, 16, 8, 0, 32, 32};
} // namespace formats

/// Bytes of one matrix of `out` x `in` elements with its scales and zero points.
std::int64_t stored_bytes(const WeightFormat& format, std::int64_t out, std::int64_t in);

/// Short name for people and requests: "bf16", "fp8-block128x128", "nvfp4", ...
std::string format_name(const WeightFormat& format);

} // namespace dsk
