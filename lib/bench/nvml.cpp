#include "bench/nvml.hpp"

#include <dlfcn.h>

namespace dsk::bench {
namespace {

// The few entries that are used, as NVML's reference manual declares them. Each is optional.
using Handle = void*;
struct MemoryInfo {
  unsigned long long total, free, used;
};
struct Utilisation {
  unsigned gpu, memory;
};
struct PciInfo {
  char legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char address[32];
};
struct FieldValue {
  unsigned field, scope;
  long long timestamp_us, latency_us;
  unsigned type;
  int status;
  union {
    double real;
    unsigned unsigned_int;
    unsigned long unsigned_long;
    unsigned long long unsigned_long_long;
    long long signed_long_long;
    int signed_int;
  } value;
};
static_assert(sizeof(FieldValue) == 40);
enum : unsigned { nvlink_data_tx = 138, nvlink_data_rx = 139, all_links = ~0U };
enum : int { success = 0, insufficient_size = 7 };
enum : int { clock_sm = 1, clock_memory = 2 };

struct Entries {
  int (*init)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*by_index)(unsigned, Handle*) = nullptr;
  int (*name)(Handle, char*, unsigned) = nullptr;
  int (*uuid)(Handle, char*, unsigned) = nullptr;
  int (*vbios)(Handle, char*, unsigned) = nullptr;
  int (*pci)(Handle, PciInfo*) = nullptr;
  int (*memory)(Handle, MemoryInfo*) = nullptr;
  int (*utilisation)(Handle, Utilisation*) = nullptr;
  int (*clock)(Handle, int, unsigned*) = nullptr;
  int (*max_clock)(Handle, int, unsigned*) = nullptr;
  int (*power)(Handle, unsigned*) = nullptr;
  int (*power_limit)(Handle, unsigned*) = nullptr;
  int (*energy)(Handle, unsigned long long*) = nullptr;
  int (*temperature)(Handle, int, unsigned*) = nullptr;
  int (*throttle)(Handle, unsigned long long*) = nullptr;
  int (*processes)(Handle, unsigned*, void*) = nullptr;
  int (*pcie_throughput)(Handle, int, unsigned*) = nullptr;
  int (*pcie_generation)(Handle, unsigned*) = nullptr;
  int (*pcie_lanes)(Handle, unsigned*) = nullptr;
  int (*nvlink_state)(Handle, unsigned, unsigned*) = nullptr;
  int (*mig_mode)(Handle, unsigned*, unsigned*) = nullptr;
  int (*ancestor)(Handle, Handle, unsigned*) = nullptr;
  int (*fields)(Handle, int, FieldValue*) = nullptr;
  int (*ecc)(Handle, int, int, unsigned long long*) = nullptr;
};

template <class Function> void bind(void* library, Function& function, const char* symbol) {
  function = reinterpret_cast<Function>(dlsym(library, symbol));
}

Entries& entries() {
  static Entries table;
  return table;
}

void bind_all(void* library, Entries& e) {
  bind(library, e.init, "nvmlInit_v2");
  bind(library, e.driver_version, "nvmlSystemGetDriverVersion");
  bind(library, e.count, "nvmlDeviceGetCount_v2");
  bind(library, e.by_index, "nvmlDeviceGetHandleByIndex_v2");
  bind(library, e.name, "nvmlDeviceGetName");
  bind(library, e.uuid, "nvmlDeviceGetUUID");
  bind(library, e.vbios, "nvmlDeviceGetVbiosVersion");
  bind(library, e.pci, "nvmlDeviceGetPciInfo_v3");
  bind(library, e.memory, "nvmlDeviceGetMemoryInfo");
  bind(library, e.utilisation, "nvmlDeviceGetUtilizationRates");
  bind(library, e.clock, "nvmlDeviceGetClockInfo");
  bind(library, e.max_clock, "nvmlDeviceGetMaxClockInfo");
  bind(library, e.power, "nvmlDeviceGetPowerUsage");
  bind(library, e.power_limit, "nvmlDeviceGetPowerManagementLimit");
  bind(library, e.energy, "nvmlDeviceGetTotalEnergyConsumption");
  bind(library, e.temperature, "nvmlDeviceGetTemperature");
  bind(library, e.throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
  bind(library, e.processes, "nvmlDeviceGetComputeRunningProcesses_v3");
  bind(library, e.pcie_throughput, "nvmlDeviceGetPcieThroughput");
  bind(library, e.pcie_generation, "nvmlDeviceGetCurrPcieLinkGeneration");
  bind(library, e.pcie_lanes, "nvmlDeviceGetCurrPcieLinkWidth");
  bind(library, e.nvlink_state, "nvmlDeviceGetNvLinkState");
  bind(library, e.mig_mode, "nvmlDeviceGetMigMode");
  bind(library, e.ancestor, "nvmlDeviceGetTopologyCommonAncestor");
  bind(library, e.fields, "nvmlDeviceGetFieldValues");
  bind(library, e.ecc, "nvmlDeviceGetTotalEccErrors");
}

template <class... Given> std::string text(int (*get)(Given...), Handle device) {
  char buffer[96] = "";
  if (get && get(device, buffer, sizeof buffer) == success) return buffer;
  return {};
}

template <class Value, class Get, class... Given>
std::optional<Value> value(Get get, Given... given) {
  Value out{};
  if (get && get(given..., &out) == success) return out;
  return std::nullopt;
}

// As its nvmlValueType_t says.
double number_of(const FieldValue& field) {
  switch (field.type) {
  case 0:
    return field.value.real;
  case 1:
    return field.value.unsigned_int;
  case 2:
    return static_cast<double>(field.value.unsigned_long);
  case 4:
    return static_cast<double>(field.value.signed_long_long);
  case 5:
    return field.value.signed_int;
  default:
    return static_cast<double>(field.value.unsigned_long_long);
  }
}

/// Counters of the payload in KiB; a device without links, or an old driver, gives none.
void read_nvlinks(const Entries& e, Handle device, GpuState& out) {
  FieldValue fields[2] = {};
  fields[0].field = nvlink_data_tx;
  fields[1].field = nvlink_data_rx;
  for (FieldValue& field : fields) {
    field.scope = all_links;
    field.status = -1;
  }
  if (!e.fields || e.fields(device, 2, fields) != success) return;
  if (fields[0].status == success) out.nvlink_tx_bytes = 1024 * number_of(fields[0]);
  if (fields[1].status == success) out.nvlink_rx_bytes = 1024 * number_of(fields[1]);
}

constexpr struct {
  std::uint64_t bit;
  const char* name;
  bool spoils;
} reasons[] = {{0x4, "power cap", false},       {0x8, "hardware slowdown", true},
               {0x10, "sync boost", false},     {0x20, "heat (software)", true},
               {0x40, "heat (hardware)", true}, {0x80, "power brake", true}};

const char* path_name(unsigned level) {
  // nvmlGpuTopologyLevel_t
  switch (level) {
  case 0:
    return "internal";
  case 10:
    return "one PCIe switch";
  case 20:
    return "several PCIe switches";
  case 30:
    return "host bridge";
  case 40:
    return "NUMA node";
  case 50:
    return "between NUMA nodes";
  default:
    return "unknown";
  }
}

} // namespace

std::vector<std::string> throttle_reasons(std::uint64_t bits) {
  std::vector<std::string> out;
  for (const auto& reason : reasons)
    if (bits & reason.bit) out.emplace_back(reason.name);
  return out;
}

bool throttle_spoils(std::uint64_t bits) {
  for (const auto& reason : reasons)
    if ((bits & reason.bit) && reason.spoils) return true;
  return false;
}

const Nvml& Nvml::instance() {
  static const Nvml nvml;
  return nvml;
}

Nvml::Nvml() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    missing_ = std::string("no NVIDIA GPU is seen: ") + (why ? why : "libnvidia-ml.so.1 not found");
    return;
  }
  Entries& e = entries();
  bind_all(library, e);
  unsigned count = 0;
  if (!e.init || !e.count || !e.by_index || e.init() != success || e.count(&count) != success) {
    missing_ = "no NVIDIA GPU is seen: libnvidia-ml.so.1 could not be initialised";
    return;
  }
  char version[96] = "";
  if (e.driver_version && e.driver_version(version, sizeof version) == success)
    driver_version_ = version;
  for (unsigned i = 0; i < count; ++i)
    if (Handle device = nullptr; e.by_index(i, &device) == success) devices_.push_back(device);
  if (devices_.empty()) missing_ = "the NVIDIA driver " + driver_version_ + " sees no device";
}

GpuIdentity Nvml::identity(std::size_t index) const {
  const Entries& e = entries();
  const Handle device = devices_.at(index);
  GpuIdentity out;
  out.name = text(e.name, device);
  out.uuid = text(e.uuid, device);
  out.vbios = text(e.vbios, device);
  if (PciInfo pci{}; e.pci && e.pci(device, &pci) == success) out.pci_address = pci.address;
  if (MemoryInfo memory{}; e.memory && e.memory(device, &memory) == success)
    out.memory_bytes = memory.total;
  out.max_sm_clock_mhz = value<unsigned>(e.max_clock, device, int{clock_sm}).value_or(0);
  out.max_memory_clock_mhz = value<unsigned>(e.max_clock, device, int{clock_memory}).value_or(0);
  out.power_limit_w = 1e-3 * value<unsigned>(e.power_limit, device).value_or(0);
  out.pcie_generation = value<unsigned>(e.pcie_generation, device).value_or(0);
  out.pcie_lanes = value<unsigned>(e.pcie_lanes, device).value_or(0);
  for (unsigned link = 0; link < 18 && e.nvlink_state; ++link) {
    unsigned active = 0;
    if (e.nvlink_state(device, link, &active) != success) break;
    out.nvlinks_active = std::max(out.nvlinks_active, 0) + (active ? 1 : 0);
  }
  if (unsigned now = 0, next = 0; e.mig_mode && e.mig_mode(device, &now, &next) == success)
    out.mig = now ? 1 : 0;
  for (std::size_t other = 0; other < devices_.size(); ++other) {
    if (other == index) {
      out.paths.emplace_back("self");
      continue;
    }
    const auto level = value<unsigned>(e.ancestor, device, devices_[other]);
    out.paths.emplace_back(level ? path_name(*level) : "unknown");
  }
  return out;
}

GpuState Nvml::state(std::size_t index, bool with_links) const {
  const Entries& e = entries();
  const Handle device = devices_.at(index);
  GpuState out;
  if (Utilisation u{}; e.utilisation && e.utilisation(device, &u) == success) {
    out.utilisation = 0.01 * u.gpu;
    out.memory_utilisation = 0.01 * u.memory;
  }
  if (MemoryInfo memory{}; e.memory && e.memory(device, &memory) == success) {
    out.memory_used_bytes = memory.used;
    out.memory_total_bytes = memory.total;
  }
  out.sm_clock_mhz = value<unsigned>(e.clock, device, int{clock_sm});
  out.memory_clock_mhz = value<unsigned>(e.clock, device, int{clock_memory});
  if (const auto milliwatt = value<unsigned>(e.power, device)) out.power_w = 1e-3 * *milliwatt;
  if (const auto millijoule = value<unsigned long long>(e.energy, device))
    out.energy_j = 1e-3 * static_cast<double>(*millijoule);
  out.temperature_c = value<unsigned>(e.temperature, device, 0);
  if (const auto bits = value<unsigned long long>(e.throttle, device)) out.throttle_bits = *bits;
  // Asked with room for none, it tells how many there are.
  if (unsigned processes = 0; e.processes) {
    const int status = e.processes(device, &processes, nullptr);
    if (status == success || status == insufficient_size) out.processes = processes;
  }
  if (with_links) { // PCIe's take 20 ms each
    read_nvlinks(e, device, out);
    if (const auto kb = value<unsigned>(e.pcie_throughput, device, 0))
      out.pcie_tx_mb_per_s = 1e-3 * *kb;
    if (const auto kb = value<unsigned>(e.pcie_throughput, device, 1))
      out.pcie_rx_mb_per_s = 1e-3 * *kb;
  }
  if (const auto errors = value<unsigned long long>(e.ecc, device, 1, 0))
    out.ecc_uncorrected = *errors;
  return out;
}

std::optional<std::size_t> Nvml::find(const std::string& uuid) const {
  for (std::size_t i = 0; i < devices_.size(); ++i)
    if (text(entries().uuid, devices_[i]) == uuid) return i;
  return std::nullopt;
}

} // namespace dsk::bench
