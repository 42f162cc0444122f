// A safetensors file, mapped: an 8-byte header length, a JSON header, then the tensors' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/tp.h"

namespace dsk::tp {

struct Tensor {
  std::string type; // as the file names it: "BF16", "F8_E4M3", "I32", ...
  std::vector<std::uint64_t> shape;
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
};

class SafeTensors {
public:
  /// Maps the file and checks its header. Throws IO, or INVALID_REQUEST with the tensor's name in
  /// the path.
  explicit SafeTensors(const std::string& path);
  ~SafeTensors();
  SafeTensors(const SafeTensors&) = delete;
  SafeTensors& operator=(const SafeTensors&) = delete;

  const std::vector<std::string>& names() const {
    return names_;
  } // in order of their place in the file
  const Tensor* find(std::string_view name) const;

  /// See dsk_tp_weights_get.
  dsk_tp_weight weight(std::string_view prefix) const;

private:
  void read_header();
  void check_cover() const;

  std::string path_;
  const std::byte* map_ = nullptr;
  std::uint64_t size_ = 0;
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::vector<std::string> names_;
};

} // namespace dsk::tp
