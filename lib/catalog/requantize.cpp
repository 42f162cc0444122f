#include "catalog/requantize.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk {
namespace {

constexpr std::pair<const char*, WeightFormat> targets[] = {
    {"bf16", formats::bf16},         {"fp16", formats::fp16},
    {"fp8", formats::fp8_channel},   {"fp8-block", formats::fp8_block},
    {"int8", formats::int8_channel}, {"int4", formats::int4_group128},
    {"mxfp4", formats::mxfp4},       {"nvfp4", formats::nvfp4},
};

Model stored_as(const Model& model, const char* name, const WeightFormat& format) {
  Model out = model;
  out.checkpoint_bytes = 0; // of the other format
  out.quantization = Quantization{};
  out.quantization.method = name;
  out.quantization.default_format = format;
  // What every published recipe leaves in 16 bits.
  for (const char* kept : {"*embed*", "*lm_head*", "*router*", "*mlp.gate", "*norm*"})
    out.quantization.rules.push_back({kept, formats::bf16});
  return out;
}

} // namespace

Model requantized(const Model& model, const std::string& weights, const std::string& path) {
  if (weights == "checkpoint") return model;
  for (const auto& [name, format] : targets)
    if (weights == name) return stored_as(model, name, format);
  if (weights == format_name(model.quantization.default_format)) return model;
  for (const auto& [name, format] : targets)
    if (weights == format_name(format)) return stored_as(model, name, format);
  std::vector<std::string> names = {"checkpoint"};
  for (const auto& target : targets)
    names.emplace_back(target.first);
  invalid_request(path, "weights format is \"" + preview_text(weights) + "\", must be " +
                            list_text(names, "or"));
}

} // namespace dsk
