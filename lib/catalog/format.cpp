#include "catalog/format.hpp"

namespace dsk {

std::string_view element_name(Element e) {
  switch (e) {
  case Element::fp32:
    return "fp32";
  case Element::tf32:
    return "tf32";
  case Element::bf16:
    return "bf16";
  case Element::fp16:
    return "fp16";
  case Element::fp8:
    return "fp8";
  case Element::int8:
    return "int8";
  case Element::fp6:
    return "fp6";
  case Element::fp4:
    return "fp4";
  case Element::int4:
    return "int4";
  }
  return "?";
}

std::int64_t stored_bytes(const WeightFormat& format, std::int64_t out, std::int64_t in) {
  const std::int64_t element_bytes = (out * in * element_bits(format.element) + 7) / 8;
  std::int64_t side_bits = format.tensor_bits + format.input_bits;
  if (format.scale_bits > 0 || format.zero_bits > 0) {
    const std::int64_t block_out = format.block_out > 0 ? format.block_out : out;
    const std::int64_t block_in = format.block_in > 0 ? format.block_in : in;
    const std::int64_t blocks =
        ((out + block_out - 1) / block_out) * ((in + block_in - 1) / block_in);
    side_bits += blocks * (format.scale_bits + format.zero_bits);
  }
  return element_bytes + (side_bits + 7) / 8;
}

std::string format_name(const WeightFormat& format) {
  if (format == formats::mxfp4) return "mxfp4";
  if (format.element == Element::fp4 && format.block_in == 16) return "nvfp4";
  std::string name(element_name(format.element));
  if (format.scale_bits == 0) return name;
  if (format.block_out == 0 && format.block_in == 0) return name + "-tensor";
  if (format.block_out == 1 && format.block_in == 0) return name + "-channel";
  if (format.block_out == 1) return name + "-group" + std::to_string(format.block_in);
  return name + "-block" + std::to_string(format.block_out) + "x" + std::to_string(format.block_in);
}

} // namespace dsk
