// Reads how a checkpoint stores its weights. Private to lib/catalog.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/model.hpp"

namespace dsk {

/// From config.json's `quantization_config` or modelopt's hf_quant_config.json (either may be
/// nullptr; the latter wins). `expert_dtype` is V4's field beside it ("fp4" or empty).
Quantization read_quantization(const Json* config, const std::string& config_path,
                               const Json* hf_quant, const std::string& hf_quant_path,
                               const std::string& expert_dtype, const WeightFormat& unquantized);

/// Whether `pattern` (see Quantization::Rule) names `module`.
bool module_matches(const std::string& pattern, const std::string& module);

} // namespace dsk
