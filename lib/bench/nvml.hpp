// NVIDIA's management library, opened at run time: what a GPU is and what it does now. A machine
// without it has zero devices and a sentence that says why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsk::bench {

/// What does not change while the driver runs. Text is "" and numbers are 0 when not known.
struct GpuIdentity {
  std::string name;
  std::string uuid;
  std::string pci_address;
  std::string vbios;
  std::uint64_t memory_bytes = 0;
  unsigned max_sm_clock_mhz = 0;
  unsigned max_memory_clock_mhz = 0;
  double power_limit_w = 0;
  unsigned pcie_generation = 0; // as trained now
  unsigned pcie_lanes = 0;
  int nvlinks_active = -1;        // -1: not known
  int mig = -1;                   // 1: on, 0: off, -1: the device has none
  std::vector<std::string> paths; // to each device by index: "self", "internal", "switch", ...
};

/// One reading. A member that this device does not report is empty.
struct GpuState {
  std::optional<double> utilisation; // share of the last sampling period with a kernel running
  std::optional<double> memory_utilisation;
  std::optional<std::uint64_t> memory_used_bytes;
  std::optional<std::uint64_t> memory_total_bytes;
  std::optional<unsigned> sm_clock_mhz;
  std::optional<unsigned> memory_clock_mhz;
  std::optional<double> power_w;
  std::optional<double> energy_j; // since the driver was loaded
  std::optional<unsigned> temperature_c;
  std::optional<std::uint64_t> throttle_bits; // NVML's clock event reasons
  std::optional<unsigned> processes;          // with a compute context
  std::optional<double> pcie_tx_mb_per_s;
  std::optional<double> pcie_rx_mb_per_s;
  std::optional<double> nvlink_tx_bytes; // payload over all links since the driver was loaded
  std::optional<double> nvlink_rx_bytes;
  std::optional<std::uint64_t> ecc_uncorrected;
};

/// Reasons for which a clock is below what a load could have, in words; an idle GPU gives none.
std::vector<std::string> throttle_reasons(std::uint64_t bits);
/// Heat, a hardware slowdown or a power brake: the sample says nothing about the device at rest.
bool throttle_spoils(std::uint64_t bits);

class Nvml {
public:
  /// Opens the library once for the life of the process.
  static const Nvml& instance();

  /// Why there are no devices, or "".
  const std::string& missing() const { return missing_; }
  const std::string& driver_version() const { return driver_version_; }
  std::size_t count() const { return devices_.size(); }
  GpuIdentity identity(std::size_t index) const;
  GpuState state(std::size_t index, bool with_links) const;
  /// The index of the device with this UUID.
  std::optional<std::size_t> find(const std::string& uuid) const;

private:
  Nvml();

  std::string missing_;
  std::string driver_version_;
  std::vector<void*> devices_;
};

} // namespace dsk::bench
