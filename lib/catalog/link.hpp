// A kind of link as its standard describes it, per lane; how many lanes a device has stands in the
// device's own document.
#pragma once

#include <string>
#include <vector>

namespace dsk {

struct LinkRecord {
  std::string name; // "nvlink4", "pcie5", "ib-ndr", ...
  std::vector<std::string> aliases;
  std::string source;
  std::string as_of;

  double lane_gbs = 0;        // one lane, one direction, 1e9 bytes/s of data after line coding
  int max_lanes = 0;          // most lanes of one device
  double latency_us = 0;      // device to device, a small message
  std::string latency_origin; // "measured", "datasheet" or "assumed"

  std::string via;   // the link that the traffic crosses first (a NIC sits on PCIe), or ""
  int via_lanes = 0; // lanes of it
};

} // namespace dsk
