// A model with its weights stored in another format than its checkpoint has.
#pragma once

#include <string>

#include "catalog/model.hpp"

namespace dsk {

/// `weights` is "checkpoint" (the model as it is) or a format: bf16, fp16, fp8 (per channel),
/// fp8-block, int8, int4 (group 128), mxfp4, nvfp4, or what format_name() calls one of these. What
/// it calls the checkpoint's own format is the model as it is, so that the name in one answer can
/// stand in the next request. Embedding, LM head, router and norms keep 16 bits. Throws
/// INVALID_REQUEST at `path` for another name.
Model requantized(const Model& model, const std::string& weights, const std::string& path);

} // namespace dsk
