#include "driver.hpp"

#include <cuda.h>

#include <cstdio>
#include <cstring>

#include "library.hpp"

namespace dsk::cuda {
namespace {

// The few driver entries that discovery and binding a thread to a device need; everything else goes
// through the runtime.
struct Entries {
  Library library{{"libcuda.so.1", "libcuda.so"}};
  CUresult (*init)(unsigned int) = nullptr;
  CUresult (*version)(int*) = nullptr;
  CUresult (*device_count)(int*) = nullptr;
  CUresult (*device_get)(CUdevice*, int) = nullptr;
  CUresult (*device_name)(char*, int, CUdevice) = nullptr;
  CUresult (*device_attribute)(int*, CUdevice_attribute, CUdevice) = nullptr;
  CUresult (*device_memory)(std::size_t*, CUdevice) = nullptr;
  CUresult (*device_uuid)(CUuuid*, CUdevice) = nullptr;
  CUresult (*device_address)(char*, int, CUdevice) = nullptr;
  CUresult (*error_name)(CUresult, const char**) = nullptr;
  CUresult (*context_get)(CUcontext*) = nullptr;
  CUresult (*context_set)(CUcontext) = nullptr;
  bool complete = false;

  Entries() {
    complete = library.bind(init, "cuInit") && library.bind(version, "cuDriverGetVersion") &&
               library.bind(device_count, "cuDeviceGetCount") &&
               library.bind(device_get, "cuDeviceGet") &&
               library.bind(device_name, "cuDeviceGetName") &&
               library.bind(device_attribute, "cuDeviceGetAttribute") &&
               library.bind(device_memory, "cuDeviceTotalMem_v2") &&
               library.bind(device_uuid, "cuDeviceGetUuid_v2") &&
               library.bind(device_address, "cuDeviceGetPCIBusId") &&
               library.bind(error_name, "cuGetErrorName") &&
               library.bind(context_get, "cuCtxGetCurrent") &&
               library.bind(context_set, "cuCtxSetCurrent");
  }
};

const Entries& entries() {
  static const Entries instance;
  return instance;
}

std::string version_text(std::uint32_t version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// NVML is the documented source; the kernel module's own file serves where NVML is not installed.
std::string kernel_driver_version() {
  const Library nvml{{"libnvidia-ml.so.1"}};
  int (*init)() = nullptr;
  int (*get)(char*, unsigned int) = nullptr;
  int (*shutdown)() = nullptr;
  if (nvml.bind(init, "nvmlInit_v2") && nvml.bind(get, "nvmlSystemGetDriverVersion") &&
      nvml.bind(shutdown, "nvmlShutdown") && init() == 0) {
    char text[96] = "";
    const bool known = get(text, sizeof text) == 0;
    shutdown();
    if (known) return text;
  }
  char text[32] = "";
  if (std::FILE* file = std::fopen("/sys/module/nvidia/version", "r")) {
    if (std::fscanf(file, "%31s", text) != 1) text[0] = '\0';
    std::fclose(file);
  }
  return text;
}

Driver find_driver() {
  Driver found;
  const Entries& cu = entries();
  if (!cu.library.is_open()) {
    found.refusal = "there is no NVIDIA driver: " + cu.library.missing();
    return found;
  }
  found.version = kernel_driver_version();
  int api = 0;
  if (cu.version && cu.version(&api) == CUDA_SUCCESS)
    found.api_version = static_cast<std::uint32_t>(api);
  if (found.api_version < required_api_version || !cu.complete) {
    found.refusal = "driver too old: needs " + std::string(required_driver) + " or newer (CUDA " +
                    version_text(required_api_version) + "), found " +
                    (found.version.empty() ? "a driver of unknown version" : found.version) +
                    " (CUDA " + version_text(found.api_version) + ")";
    return found;
  }
  const CUresult status = cu.init(0);
  if (status != CUDA_SUCCESS) {
    const char* name = nullptr;
    if (cu.error_name(status, &name) != CUDA_SUCCESS || !name) name = "unknown error";
    found.refusal =
        "the NVIDIA driver " + found.version + " found no usable device: cuInit said " + name;
    return found;
  }
  int count = 0;
  if (cu.device_count(&count) == CUDA_SUCCESS)
    found.device_count = static_cast<std::uint32_t>(count);
  found.present = true;
  if (count == 0) found.refusal = "the NVIDIA driver " + found.version + " sees no device";
  return found;
}

} // namespace

const Driver& driver() {
  static const Driver instance = find_driver();
  return instance;
}

bool describe(std::int32_t ordinal, dsk_backend_device_info& out, std::string& why) {
  const Driver& machine = driver();
  if (!machine.refusal.empty()) {
    why = machine.refusal;
    return false;
  }
  if (ordinal < 0 || static_cast<std::uint32_t>(ordinal) >= machine.device_count) {
    why = "there is no CUDA device " + std::to_string(ordinal) + "; this machine has " +
          std::to_string(machine.device_count);
    return false;
  }
  const Entries& cu = entries();
  CUdevice device = 0;
  if (cu.device_get(&device, ordinal) != CUDA_SUCCESS) {
    why = "the driver does not give CUDA device " + std::to_string(ordinal);
    return false;
  }
  const auto attribute = [&](CUdevice_attribute which) {
    int value = 0;
    return cu.device_attribute(&value, which, device) == CUDA_SUCCESS
               ? static_cast<std::uint32_t>(value)
               : 0u;
  };
  out.ordinal = ordinal;
  if (cu.device_name(out.name, sizeof out.name, device) != CUDA_SUCCESS) out.name[0] = '\0';
  if (cu.device_address(out.pci_address, sizeof out.pci_address, device) != CUDA_SUCCESS)
    out.pci_address[0] = '\0';
  CUuuid uuid{};
  if (cu.device_uuid(&uuid, device) == CUDA_SUCCESS) {
    unsigned char b[16];
    std::memcpy(b, uuid.bytes, sizeof b);
    std::snprintf(out.uuid, sizeof out.uuid,
                  "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                  b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                  b[14], b[15]);
  }
  std::size_t memory = 0;
  if (cu.device_memory(&memory, device) == CUDA_SUCCESS) out.memory_bytes = memory;
  out.compute_major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  out.compute_minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  out.multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  out.core_clock_khz = attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  out.memory_clock_khz = attribute(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
  out.l2_bytes = attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  out.shared_bytes_per_block = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  return true;
}

void* current_context() {
  CUcontext context = nullptr;
  return entries().context_get(&context) == CUDA_SUCCESS ? context : nullptr;
}

bool make_current(void* context) {
  return entries().context_set(static_cast<CUcontext>(context)) == CUDA_SUCCESS;
}

} // namespace dsk::cuda
