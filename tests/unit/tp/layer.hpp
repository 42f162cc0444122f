// Random layers (tensor.hpp) in tests: handles that must be made, refusals that must come, and
// buffers with guards.
#pragma once

#include <doctest/doctest.h>

#include "tp/tensor.hpp"

namespace layer {

/// Expects success; shows the sentence otherwise. By reference, because the call that sets it is
/// the argument before.
inline void ok(dsk_status status, dsk_error*& error) {
  const Owned<dsk_error> owned(error);
  INFO(std::string(dsk_error_message(error)));
  REQUIRE(status == DSK_STATUS_OK);
}
/// Expects a refusal whose sentence holds `text`.
inline void refused(dsk_status status, dsk_error*& error, dsk_status expected,
                    const std::string& text) {
  const Owned<dsk_error> owned(error);
  INFO(std::string(dsk_error_message(error)));
  CHECK(status == expected);
  CHECK(std::string(dsk_error_message(error)).find(text) != std::string::npos);
}

inline Owned<dsk_tp_device> cpu() {
  dsk_tp_device* device = nullptr;
  dsk_error* error = nullptr;
  ok(dsk_tp_device_create("cpu", 3, 0, &device, &error), error);
  return Owned<dsk_tp_device>(device);
}

struct World {
  Owned<dsk_tp_device> device = cpu();
  std::vector<Owned<dsk_tp_comm>> comms;
  std::vector<dsk_tp_comm*> raw;

  explicit World(std::uint32_t ranks, std::uint64_t timeout_ms = 20000,
                 std::uint64_t max_bytes = 0) {
    const std::vector<dsk_tp_device*> devices(ranks, device.get());
    raw.resize(ranks);
    dsk_tp_comm_options options{};
    options.struct_size = sizeof options;
    options.timeout_ms = timeout_ms;
    options.max_bytes = max_bytes;
    dsk_error* error = nullptr;
    ok(dsk_tp_comm_create_local(devices.data(), ranks, &options, raw.data(), &error), error);
    for (dsk_tp_comm* comm : raw)
      comms.emplace_back(comm);
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(raw.size()); }
};

/// 16-byte aligned bytes with a guard behind them that a test can check.
class Buffer {
public:
  explicit Buffer(std::size_t bytes, std::uint8_t poison = 0xcd)
      : bytes_(bytes), storage_((bytes + 64) / 16 + 1) {
    std::memset(storage_.data(), poison, storage_.size() * 16);
  }
  explicit Buffer(const Bytes& from) : Buffer(from.size()) {
    std::memcpy(storage_.data(), from.data(), from.size());
  }
  void* get() { return storage_.data(); }
  const void* get() const { return storage_.data(); }
  std::size_t bytes() const { return bytes_; }
  bool guard_intact(std::uint8_t poison = 0xcd) const {
    const auto* p = reinterpret_cast<const std::uint8_t*>(storage_.data());
    for (std::size_t i = bytes_; i < storage_.size() * 16; ++i)
      if (p[i] != poison) return false;
    return true;
  }

private:
  struct alignas(16) Line {
    std::uint8_t byte[16];
  };
  std::size_t bytes_;
  std::vector<Line> storage_;
};

inline dsk_tp_args arguments(std::size_t m, const Buffer& x, Buffer& y, Buffer& workspace) {
  dsk_tp_args args{};
  args.struct_size = sizeof args;
  args.m = m;
  args.x = x.get();
  args.y = y.get();
  args.workspace = workspace.bytes() ? workspace.get() : nullptr;
  args.workspace_bytes = workspace.bytes();
  return args;
}

} // namespace layer
