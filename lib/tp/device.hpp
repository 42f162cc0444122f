// An opened device of a backend and memory on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dsk/backend.h"

namespace dsk::tp {

class Device {
public:
  /// Throws NOT_FOUND or UNAVAILABLE; see dsk_tp_device_create.
  static std::shared_ptr<Device> open(std::string_view backend, std::uint32_t ordinal);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const dsk_backend_api& api() const { return api_; }
  dsk_backend_device* handle() const { return handle_; }
  const dsk_backend_device_info& info() const { return info_; }
  const dsk_backend_probe& probe() const { return probe_; }
  bool is_cpu() const { return std::string_view(api_.name) == "cpu"; }

private:
  explicit Device(const dsk_backend_api& api) : api_(api) {}

  const dsk_backend_api& api_;
  dsk_backend_device* handle_ = nullptr;
  dsk_backend_device_info info_{};
  dsk_backend_probe probe_{};
};

/// Memory of a device, freed with the object.
class Memory {
public:
  Memory() = default;
  Memory(std::shared_ptr<Device> device, std::uint64_t bytes);
  /// Room for `bytes` with them copied in; empty when there are none.
  Memory(std::shared_ptr<Device> device, const void* host, std::uint64_t bytes);
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  void* get() const { return pointer_; }
  std::uint64_t bytes() const { return bytes_; }

private:
  std::shared_ptr<Device> device_;
  void* pointer_ = nullptr;
  std::uint64_t bytes_ = 0;
};

} // namespace dsk::tp
