#include "tp/device.hpp"

#include <utility>

#include "backend/loader.hpp"
#include "base/error.hpp"
#include "tp/cpu_backend.hpp"

namespace dsk::tp {

std::shared_ptr<Device> Device::open(std::string_view backend, std::uint32_t ordinal) {
  const dsk_backend_api& api = backend == "cpu" ? cpu_backend() : dsk::backend::load(backend);
  std::shared_ptr<Device> device(new Device(api));
  dsk_backend_error error{};
  device->probe_.struct_size = sizeof device->probe_;
  device->info_.struct_size = sizeof device->info_;
  const auto index = static_cast<std::int32_t>(ordinal & 0x7fffffffu);
  dsk::backend::check(api.device_open(index, &device->handle_, &error), error, "");
  dsk::backend::check(api.probe(&device->probe_, &error), error, "");
  dsk::backend::check(api.device_info(index, &device->info_, &error), error, "");
  return device;
}

Device::~Device() {
  if (handle_) api_.device_close(handle_);
}

Memory::Memory(std::shared_ptr<Device> device, std::uint64_t bytes)
    : device_(std::move(device)), bytes_(bytes) {
  if (bytes == 0) return;
  dsk_backend_error error{};
  dsk::backend::check(device_->api().memory_alloc(device_->handle(), bytes, &pointer_, &error),
                      error, "allocating " + std::to_string(bytes) + " bytes");
}

Memory::Memory(std::shared_ptr<Device> device, const void* host, std::uint64_t bytes)
    : Memory(std::move(device), bytes) {
  if (bytes == 0) return;
  dsk_backend_error error{};
  dsk::backend::check(device_->api().memory_copy(device_->handle(), pointer_, host, bytes, &error),
                      error, "copying to the device");
}

Memory::Memory(Memory&& other) noexcept
    : device_(std::move(other.device_)), pointer_(std::exchange(other.pointer_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pointer_, other.pointer_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Memory::~Memory() {
  if (pointer_) device_->api().memory_free(device_->handle(), pointer_);
}

} // namespace dsk::tp
