#include "plan/checkpoint.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"

namespace dsk::plan {
namespace {

constexpr std::int64_t max_bytes = std::int64_t{1} << 50;

int dtype_bits(const std::string& name, const std::string& path) {
  static constexpr std::pair<const char*, int> types[] = {
      {"F64", 64},    {"I64", 64},    {"U64", 64},    {"F32", 32}, {"I32", 32},
      {"U32", 32},    {"F16", 16},    {"BF16", 16},   {"I16", 16}, {"U16", 16},
      {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"I8", 8},   {"U8", 8},
      {"BOOL", 8},    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};
  for (const auto& [type, bits] : types)
    if (name == type) return bits;
  invalid_request(path, "dtype is " + preview_text(name) + ", must be a safetensors type");
}

} // namespace

std::int64_t index_bytes(const Json& index, const std::string& path) {
  Reader top(index, path);
  top.ignore_rest();
  Reader metadata = top.object("metadata");
  metadata.ignore_rest();
  return metadata.integer("total_size", 1, max_bytes);
}

std::int64_t header_bytes(const Json& headers, const std::string& path) {
  if (!headers.is_array() || headers.empty() || headers.size() > 4096)
    invalid_request(path, "safetensors_headers is " + json::preview(headers) +
                              ", must be an array of 1 to 4096 header objects");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    Reader file(headers[i], json::pointer(path, i));
    for (const auto& item : file.value().items()) {
      if (item.key() == "__metadata__") continue;
      Reader tensor(item.value(), file.path_of(item.key()));
      std::int64_t bits = dtype_bits(tensor.text("dtype"), tensor.path_of("dtype"));
      for (const std::int64_t extent : tensor.integers("shape", 0, max_bytes, 16)) {
        if (extent > 0 && bits > max_bytes * 8 / extent)
          tensor.fail("shape", "must describe at most 2^50 bytes");
        bits *= extent;
      }
      const auto offsets = tensor.integers("data_offsets", 0, max_bytes, 2);
      if (offsets.size() != 2 || offsets[1] - offsets[0] != (bits + 7) / 8)
        tensor.fail("data_offsets", "must span the " + std::to_string((bits + 7) / 8) +
                                        " bytes of its dtype and shape");
      total += offsets[1] - offsets[0];
      if (total > max_bytes) tensor.fail("data_offsets", "must stay below 2^50 bytes in all");
    }
  }
  if (total == 0) invalid_request(path, "safetensors_headers has no tensor");
  return total;
}

} // namespace dsk::plan
