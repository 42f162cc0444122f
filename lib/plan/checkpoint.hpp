// What a checkpoint says about its own size: model.safetensors.index.json or safetensors headers.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"

namespace dsk::plan {

/// Bytes of all tensors of a model.safetensors.index.json (metadata.total_size). Throws
/// INVALID_REQUEST at `path`.
std::int64_t index_bytes(const Json& index, const std::string& path);

/// Bytes of the tensors that safetensors headers describe: an array of header objects, one for each
/// file. Each tensor's data_offsets must agree with its dtype and shape. Throws INVALID_REQUEST.
std::int64_t header_bytes(const Json& headers, const std::string& path);

} // namespace dsk::plan
