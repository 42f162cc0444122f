// What the NVIDIA driver of this machine is, read through libcuda.so.1 and NVML without making a
// context.
#pragma once

#include <cstdint>
#include <string>

#include "dsk/backend.h"

namespace dsk::cuda {

struct Driver {
  bool present = false;
  std::uint32_t api_version = 0; // 1000 * major + 10 * minor
  std::uint32_t device_count = 0;
  std::string version; // of the kernel driver, "" when it cannot be read
  std::string refusal; // why nothing can run, "" when it can
};

/// CUDA 13.0, what the plugin is built for, and the first driver branch that has it.
inline constexpr std::uint32_t required_api_version = 13000;
inline constexpr const char* required_driver = "580";

/// Looked up once.
const Driver& driver();

/// Name, size and clocks of a device. Throws nothing: false with a sentence in `why`.
bool describe(std::int32_t ordinal, dsk_backend_device_info& out, std::string& why);

/// The calling thread's context, and another one in its place; NULL is none. Both are thread-local
/// reads and writes of the driver. Only for machines whose driver() has no refusal.
void* current_context();
bool make_current(void* context);

} // namespace dsk::cuda
