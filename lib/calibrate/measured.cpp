#include "calibrate/measured.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace dsk::calibrate {
namespace {

constexpr const char* rate_probes[] = {"memory_read", "memory_write", "memory_copy", "memory_triad",
                                       "driver_copy", "l2_read",      "from_host",   "to_host"};

std::string precision_of_probe(const std::string& dtype) {
  if (dtype == "bf16" || dtype == "fp16") return "bf16";
  if (dtype == "fp8" || dtype == "int8") return dtype;
  return {};
}

bool is_wrong(const Json& line) {
  // A wide interval is still a measurement; these say that it is of something else.
  const auto doubts = line.find("doubts");
  if (doubts == line.end() || !doubts->is_array()) return false;
  for (const Json& doubt : *doubts) {
    const auto found = doubt.find("name"); // of something else than an object: not there
    const Json name = found == doubt.end() ? Json() : *found;
    if (name == "zeros_as_data" || name == "throttled" || name == "host_bound" ||
        name == "shared_gpu" || name == "no_samples")
      return true;
  }
  return false;
}

void read_product(Measured& out, Reader& line, double us) {
  const std::string type = precision_of_probe(line.text("dtype", 16));
  // Eager times hold the host's launches; an engine's decode runs in graphs.
  if (type.empty() || line.text("launch", 16) != "graph") {
    ++out.skipped;
    return;
  }
  out.products[type].push_back(
      {line.number("m", 1, 1e9), line.number("n", 1, 1e9), line.number("k", 1, 1e9), us});
  ++out.used;
}

void read_kernels(Measured& out, Reader& line, double us) {
  // In short graphs the start of the graph itself shows.
  constexpr double fewest = 32;
  const double count = line.number("count", 1, 1e9);
  if (count < fewest) {
    ++out.skipped;
    return;
  }
  const bool graph = line.text("launch", 16) == "graph";
  const bool programmatic = line.boolean("programmatic_launch", false);
  if (!graph && programmatic) {
    ++out.skipped;
    return;
  }
  (!graph         ? out.eager_us
   : programmatic ? out.programmatic_us
                  : out.launch_us)
      .push_back(us / count);
  ++out.used;
}

void read_pair(Measured& out, Reader& line) {
  const int to = static_cast<int>(line.integer("peer", 0, 1023));
  const int from = static_cast<int>(line.integer("ordinal", 0, 1023, 0));
  if (line.boolean("both_ways", false) || from == to) {
    ++out.skipped;
    return;
  }
  out.pairs.push_back({from, to, line.number("gb_per_s", 1e-6, 1e9)});
  ++out.used;
}

void read_all_reduce(Measured& out, Reader& line, double us) {
  const int ranks = static_cast<int>(line.integer("ranks", 2, 4096));
  // Ranks that share a device show the protocol, not the links.
  if (line.integer("devices", 1, 4096) < ranks || line.text("launch", 16) != "graph") {
    ++out.skipped;
    return;
  }
  out.all_reduces[{line.choice("by", {"nccl", "own"}), ranks}].push_back(
      {line.number("bytes", 1, 1e15), us});
  ++out.used;
}

} // namespace

void read_measurement(Measured& out, const Json& document, const std::string& path) {
  Reader line(document, path);
  const std::string kind = line.text("kind", 64);
  if (kind != "measurement") return; // the machine record, comparisons
  const Json* probe = line.find("probe");
  if (document.contains("skipped") || !probe || !probe->is_string()) {
    ++out.skipped;
    return;
  }
  const std::string name = line.text("name", 512);
  if (is_wrong(document)) {
    out.doubted.push_back(name);
    return;
  }
  const std::string what = probe->get<std::string>();
  const double us = 1e-3 * line.number("median_ns", 1e-3, 1e15);
  if (out.device.empty()) out.device = line.text("device", "", 256);
  if (what == "gemm") return read_product(out, line, us);
  if (what == "kernels") return read_kernels(out, line, us);
  if (what == "peer_copy") return read_pair(out, line);
  if (what == "all_reduce" && line.has("by")) return read_all_reduce(out, line, us);
  if (std::find(std::begin(rate_probes), std::end(rate_probes), what) == std::end(rate_probes)) {
    ++out.skipped;
    return;
  }
  out.rates[what].push_back(line.number("gb_per_s", 1e-6, 1e9));
  ++out.used;
}

} // namespace dsk::calibrate
