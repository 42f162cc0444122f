// Measurement documents of dsk_bench_probe() sorted by what a calibration makes of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "catalog/calibration.hpp"

namespace dsk::calibrate {

/// A lone copy from one device to another, one way.
struct MeasuredPair {
  int from = 0;
  int to = 0;
  double gb_per_s = 0;
};

struct Measured {
  std::map<std::string, std::vector<MeasuredProduct>> products; // by type
  std::map<std::string, std::vector<double>> rates;             // memory_read, from_host, ...: GB/s
  std::vector<MeasuredPair> pairs;
  // By protocol ("nccl", "own") and number of devices.
  std::map<std::pair<std::string, int>, std::vector<MeasuredMessage>> all_reduces;
  std::vector<double> launch_us;       // of a kernel in a long graph
  std::vector<double> programmatic_us; // likewise, with programmatic launches
  std::vector<double> eager_us;        // launched one by one
  std::size_t used = 0;
  std::size_t skipped = 0;
  std::vector<std::string> doubted; // measurements that their own checks do not trust
  std::string device;
};

/// Adds one document; throws INVALID_REQUEST at `path` or below.
void read_measurement(Measured& out, const Json& document, const std::string& path);

} // namespace dsk::calibrate
