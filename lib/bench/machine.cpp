#include "bench/machine.hpp"

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>

#include <sys/utsname.h>
#include <unistd.h>

#include "backend/loader.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "bench/clock.hpp"
#include "bench/nvml.hpp"

namespace dsk::bench {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Values of "key : value" lines, in order.
std::vector<std::string> fields(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t from = line.find_first_not_of(" \t", colon + 1);
    out.push_back(from == std::string::npos ? std::string() : line.substr(from));
  }
  return out;
}

std::uint64_t memory_bytes(const std::string& key) {
  const auto found = fields("/proc/meminfo", key); // "16384 kB", where kB is 1,024 bytes
  return found.empty() ? 0 : 1024 * std::strtoull(found.front().c_str(), nullptr, 10);
}

std::string utc_now() {
  const auto now = static_cast<std::time_t>(unix_time_s());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json processor() {
  Json out;
  const auto names = fields("/proc/cpuinfo", "model name");
  out["name"] = names.empty() ? Json(nullptr) : Json(names.front());
  out["logical_processors"] = sysconf(_SC_NPROCESSORS_ONLN);
  const auto sockets = fields("/proc/cpuinfo", "physical id");
  out["sockets"] =
      std::max<std::size_t>(1, std::set<std::string>(sockets.begin(), sockets.end()).size());
  const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  out["governor"] = governor.empty() ? Json(nullptr) : Json(governor);
  const long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
  out["l3_bytes"] = l3 > 0 ? Json(l3) : Json(nullptr);
  return out;
}

Json gpu(const Nvml& nvml, std::size_t index) {
  const GpuIdentity id = nvml.identity(index);
  const GpuState now = nvml.state(index, false);
  const auto known = [](const auto& value) { return value != 0 ? Json(value) : Json(nullptr); };
  const auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  Json out;
  out["index"] = index;
  out["name"] = id.name;
  out["uuid"] = id.uuid;
  out["pci_address"] = id.pci_address;
  out["vbios"] = id.vbios;
  out["memory_bytes"] = known(id.memory_bytes);
  out["max_sm_clock_mhz"] = known(id.max_sm_clock_mhz);
  out["max_memory_clock_mhz"] = known(id.max_memory_clock_mhz);
  out["power_limit_w"] = known(id.power_limit_w);
  out["pcie_generation"] = known(id.pcie_generation);
  out["pcie_lanes"] = known(id.pcie_lanes);
  out["nvlinks_active"] = id.nvlinks_active >= 0 ? Json(id.nvlinks_active) : Json(nullptr);
  out["mig"] = id.mig >= 0 ? Json(id.mig == 1) : Json(nullptr);
  out["paths"] = id.paths;
  out["now"] = {{"sm_clock_mhz", optional(now.sm_clock_mhz)},
                {"memory_clock_mhz", optional(now.memory_clock_mhz)},
                {"power_w", optional(now.power_w)},
                {"temperature_c", optional(now.temperature_c)},
                {"memory_used_bytes", optional(now.memory_used_bytes)},
                {"processes", optional(now.processes)},
                {"utilisation", optional(now.utilisation)}};
  return out;
}

Json backend(const std::string& name) {
  Json out;
  out["name"] = name;
  try {
    const dsk_backend_api& api = backend::load(name);
    dsk_backend_probe probe{};
    probe.struct_size = sizeof probe;
    dsk_backend_error error{};
    backend::check(api.probe(&probe, &error), error, "the backend " + name);
    const auto version = [](std::uint32_t v) {
      return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10);
    };
    out["devices"] = probe.device_count;
    out["driver_version"] = probe.driver_version;
    out["driver_api"] = version(probe.driver_api_version);
    out["built_for"] = version(probe.required_api_version);
    out["blas_version"] = probe.blas_version;
    out["collective_version"] = probe.collective_version;
    out["missing"] = probe.missing;
  } catch (const Error& e) {
    out["devices"] = 0;
    out["missing"] = e.what();
  }
  return out;
}

} // namespace

Json machine_record() {
  Json out;
  out["kind"] = "machine";
  out["schema"] = 1;
  out["taken_at"] = utc_now();
  out["dsk_version"] = std::to_string(DSK_VERSION_MAJOR) + "." + std::to_string(DSK_VERSION_MINOR) +
                       "." + std::to_string(DSK_VERSION_PATCH);
  utsname system{};
  if (uname(&system) == 0)
    out["system"] = {
        {"name", system.sysname}, {"kernel", system.release}, {"machine", system.machine}};
  out["processor"] = processor();
  out["memory_bytes"] = memory_bytes("MemTotal:");
  out["memory_available_bytes"] = memory_bytes("MemAvailable:");
  const Nvml& nvml = Nvml::instance();
  out["driver_version"] =
      nvml.driver_version().empty() ? Json(nullptr) : Json(nvml.driver_version());
  Json gpus = Json::array();
  for (std::size_t i = 0; i < nvml.count(); ++i)
    gpus.push_back(gpu(nvml, i));
  out["gpus"] = std::move(gpus);
  if (!nvml.missing().empty()) out["gpus_missing"] = nvml.missing();
  out["backends"] = Json::array({backend("cuda")});
  return out;
}

} // namespace dsk::bench
