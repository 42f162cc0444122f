#include "tp/safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace dsk::tp {
namespace {

constexpr std::uint64_t longest_header = 100u << 20; // the format's own limit

[[noreturn]] void broken(const std::string& tensor, const std::string& sentence) {
  throw Error(DSK_STATUS_INVALID_REQUEST, sentence,
              tensor.empty() ? "" : json::pointer("", tensor));
}

std::uint64_t bits_of_type(const std::string& type) {
  static const std::map<std::string, std::uint64_t, std::less<>> bits = {
      {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8},
      {"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16},   {"I32", 32},    {"U32", 32},
      {"F32", 32}, {"I64", 64}, {"U64", 64}, {"F64", 64}};
  const auto it = bits.find(type);
  return it == bits.end() ? 0 : it->second;
}

dsk_dtype scale_type(const std::string& type) {
  if (type == "F32") return DSK_DTYPE_F32;
  if (type == "BF16") return DSK_DTYPE_BF16;
  if (type == "F16") return DSK_DTYPE_F16;
  return DSK_DTYPE_NONE;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

std::uint64_t whole_number(const Json& value, const std::string& tensor, const char* what) {
  if (!value.is_number_unsigned())
    broken(tensor, std::string(what) + " must be whole numbers, not " + json::preview(value));
  return value.get<std::uint64_t>();
}

} // namespace

SafeTensors::SafeTensors(const std::string& path) : path_(path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    throw Error(DSK_STATUS_IO,
                "cannot open " + preview_text(path, 200) + ": " + std::strerror(errno));
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 8) {
    close(fd);
    throw Error(DSK_STATUS_INVALID_REQUEST,
                preview_text(path, 200) +
                    " is no safetensors file: it is too short or not a regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  void* map = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  const int failure = errno;
  close(fd);
  if (map == MAP_FAILED)
    throw Error(DSK_STATUS_IO,
                "cannot map " + preview_text(path, 200) + ": " + std::strerror(failure));
  map_ = static_cast<const std::byte*>(map);
  try {
    read_header();
    check_cover();
  } catch (const Error& e) {
    munmap(map, size_);
    throw Error(e.status(), preview_text(path, 200) + ": " + e.what(), e.path());
  }
}

SafeTensors::~SafeTensors() {
  munmap(const_cast<std::byte*>(map_), size_);
}

void SafeTensors::read_header() {
  std::uint64_t length = 0;
  std::memcpy(&length, map_, sizeof length);
  if (length > longest_header || length > size_ - 8)
    broken("", "the header is said to have " + std::to_string(length) + " bytes, the file has " +
                   std::to_string(size_));
  const Json header =
      json::parse({reinterpret_cast<const char*>(map_) + 8, length}, "safetensors header");
  if (!header.is_object()) broken("", "the header must be an object");
  const std::byte* data = map_ + 8 + length;
  const std::uint64_t data_size = size_ - 8 - length;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      broken(name, "a tensor needs dtype, shape and data_offsets");
    Tensor tensor;
    if (!entry["dtype"].is_string()) broken(name, "dtype must be a text");
    tensor.type = entry["dtype"].get<std::string>();
    const std::uint64_t bits = bits_of_type(tensor.type);
    if (bits == 0)
      broken(name, "the element type " + json::preview(entry["dtype"]) + " is not known");
    if (!entry["shape"].is_array()) broken(name, "shape must be an array");
    std::uint64_t elements = 1;
    for (const Json& extent : entry["shape"]) {
      tensor.shape.push_back(whole_number(extent, name, "the shape's extents"));
      if (__builtin_mul_overflow(elements, tensor.shape.back(), &elements) ||
          elements > (std::uint64_t{1} << 56))
        broken(name, "the shape " + shape_text(tensor.shape) + " is too large");
    }
    const Json& offsets = entry["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2)
      broken(name, "data_offsets must be two numbers");
    const std::uint64_t begin = whole_number(offsets[0], name, "data_offsets");
    const std::uint64_t end = whole_number(offsets[1], name, "data_offsets");
    if (begin > end || end > data_size)
      broken(name, "data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) +
                       "] are not inside the " + std::to_string(data_size) +
                       " bytes of data: the file is cut or broken");
    tensor.bytes = end - begin;
    if (tensor.bytes != elements * bits / 8)
      broken(name, "the shape " + shape_text(tensor.shape) + " of " + tensor.type + " takes " +
                       std::to_string(elements * bits / 8) + " bytes, data_offsets give " +
                       std::to_string(tensor.bytes));
    tensor.data = data + begin;
    tensors_.emplace(name, std::move(tensor));
  }
  for (const auto& [name, tensor] : tensors_)
    names_.push_back(name);
  std::stable_sort(names_.begin(), names_.end(), [&](const std::string& a, const std::string& b) {
    return tensors_.find(a)->second.data < tensors_.find(b)->second.data;
  });
}

void SafeTensors::check_cover() const {
  const std::byte* end = nullptr;
  const std::string* before = nullptr;
  for (const std::string& name : names_) {
    const Tensor& tensor = tensors_.find(name)->second;
    if (tensor.bytes == 0) continue;
    if (end && tensor.data < end) broken(name, "the tensor overlaps " + preview_text(*before));
    end = tensor.data + tensor.bytes;
    before = &name;
  }
}

const Tensor* SafeTensors::find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

dsk_tp_weight SafeTensors::weight(std::string_view prefix) const {
  const std::string base(prefix);
  const Tensor* packed = find(base + ".weight_packed");
  const Tensor* data = packed ? packed : find(base + ".weight");
  if (!data)
    throw Error(DSK_STATUS_NOT_FOUND,
                "there is no tensor " + preview_text(base, 200) + ".weight or .weight_packed");
  if (data->shape.size() != 2)
    throw Error(DSK_STATUS_UNSUPPORTED, preview_text(base, 200) + ".weight has the shape " +
                                            shape_text(data->shape) +
                                            "; a linear layer's weight has two dimensions");
  dsk_tp_weight out{};
  out.struct_size = sizeof out;
  out.n = data->shape[0];
  out.k = data->shape[1];
  out.data = data->data;
  out.data_bytes = data->bytes;
  if (packed) {
    if (data->type != "I32")
      throw Error(DSK_STATUS_UNSUPPORTED, preview_text(base, 200) + ".weight_packed is " +
                                              data->type +
                                              "; only I32 words of eight 4-bit values are taken");
    out.dtype = DSK_DTYPE_I4;
    out.k = data->shape[1] * 8;
  } else if (data->type == "F32") {
    out.dtype = DSK_DTYPE_F32;
  } else if (data->type == "BF16") {
    out.dtype = DSK_DTYPE_BF16;
  } else if (data->type == "F16") {
    out.dtype = DSK_DTYPE_F16;
  } else if (data->type == "F8_E4M3") {
    out.dtype = DSK_DTYPE_F8E4M3;
  } else if (data->type == "I8") {
    out.dtype = DSK_DTYPE_I8;
  } else {
    throw Error(DSK_STATUS_UNSUPPORTED,
                preview_text(base, 200) + ".weight is " + data->type + "; no plan takes that");
  }
  if (const Tensor* bias = find(base + ".bias")) {
    if (bias->shape.size() != 1 || bias->shape[0] != out.n)
      broken(base + ".bias", "the bias has the shape " + shape_text(bias->shape) +
                                 "; the weight has " + std::to_string(out.n) + " rows");
    out.bias = bias->data;
  }
  if (out.dtype == DSK_DTYPE_F8E4M3 || out.dtype == DSK_DTYPE_I8 || out.dtype == DSK_DTYPE_I4) {
    const Tensor* scales = find(base + ".weight_scale_inv");
    if (!scales) scales = find(base + ".weight_scale");
    if (!scales)
      throw Error(DSK_STATUS_NOT_FOUND, "there is no tensor " + preview_text(base, 200) +
                                            ".weight_scale_inv or .weight_scale");
    out.scales_dtype = scale_type(scales->type);
    if (out.scales_dtype == DSK_DTYPE_NONE)
      throw Error(DSK_STATUS_UNSUPPORTED, "the scales of " + preview_text(base, 200) + " are " +
                                              scales->type + "; F32, BF16 and F16 are taken");
    out.scales = scales->data;
    out.scales_bytes = scales->bytes;
  }
  return out;
}

} // namespace dsk::tp
