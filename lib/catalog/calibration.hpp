// What was measured on a device of this very kind: a law of each kernel class with the points that
// it was fitted to. Written by `dsk calibrate`, read with the other documents of a request.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace dsk {

/// One product y[m, n] = x[m, k] w[n, k]^T and its time inside a graph.
struct MeasuredProduct {
  double m = 0, n = 0, k = 0;
  double us = 0;
};

/// time = launch + sqrt(C^2 + M^2), C = flops / compute rate, M = bytes / memory rate; times
/// exp(residual), which is interpolated between the points.
struct CalibratedProducts {
  std::string type; // "bf16", "fp8", "int8": as the step model names precisions
  double launch_us = 0;
  double flops_per_us = 0;
  double bytes_per_us = 0;
  double error = 0; // 90 % half width of a product that was not measured, natural log
  std::vector<MeasuredProduct> points;

  /// Bytes that a product moves at least, as the fit counts them.
  static double bytes(double m, double n, double k, double element_bytes, double output_bytes) {
    return (n * k + m * k) * element_bytes + m * n * output_bytes;
  }
  double element_bytes() const { return type == "bf16" ? 2 : 1; }
  double output_bytes() const { return type == "int8" ? 4 : 2; }
  double law_us(double m, double n, double k) const;
  /// Law and residual; `leave_out` is the index of a point that must not be used, or -1.
  double us(double m, double n, double k, int leave_out = -1) const;
  bool measured(double m, double n, double k) const;
  /// Inside the range of the points in each of m, n, k.
  bool inside(double m, double n, double k) const;
};

/// One all-reduce of `bytes` (the whole message on each device) and its time inside a graph.
struct MeasuredMessage {
  double bytes = 0;
  double us = 0;
};

/// All-reduces over the links of so many devices: time = latency + traffic / rate, where a device
/// sends traffic = 2 bytes (ranks - 1) / ranks; times exp(residual), which is a line in ln(bytes)
/// between the points.
struct CalibratedAllReduce {
  std::string by; // whose kernels: "nccl" or "own"
  int ranks = 2;
  double latency_us = 0;
  double bytes_per_us = 1;
  double error = 0;                    // as CalibratedProducts::error
  std::vector<MeasuredMessage> points; // by bytes, ascending

  double traffic(double bytes) const { return 2 * bytes * (ranks - 1) / ranks; }
  double law_us(double bytes) const { return latency_us + traffic(bytes) / bytes_per_us; }
  /// Law and residual; `leave_out` is the index of a point that must not be used, or -1.
  double us(double bytes, int leave_out = -1) const;
  bool measured(double bytes) const;
  bool inside(double bytes) const;
};

/// What one kernel after another costs, its own work of a microsecond's fraction included.
struct CalibratedLaunch {
  double in_graph_us = 0;     // 0: not measured
  double programmatic_us = 0; // in a graph with programmatic launches; 0: not measured
};

/// What runs of a real engine say: how many times as long as in the step model something takes. The
/// first two hold on the device of the runs; the others under the engine on every device, elsewhere
/// only as far as the runs say them: what they could not tell from the kernels stays behind.
struct RunFactors {
  std::string engine;        // name, any version
  std::string device;        // of the runs, canonical
  double compute = 1;        // arithmetic of kernels
  double memory = 1;         // their memory traffic
  double step_host = 1;      // the engine's time a layer and a sequence
  double prefill_host = 1;   // host time of a step with prefill
  double error = 0;          // what is left of a step on that device: 90 % half width, natural log
  double step_host_said = 1; // share that the runs say of it, beside what was believed before
  double prefill_host_said = 1;    // likewise
  double engine_error = 0;         // likewise of the engine's own time, on any device
  std::vector<std::string> models; // of the runs; others are less sure
  std::string name;                // of the calibration
  std::string source;
  std::string as_of;

  double step_host_on(const std::string& other) const;
  double prefill_host_on(const std::string& other) const;
};

struct Calibration {
  std::string name;
  std::string device; // of the catalogue
  std::string source;
  std::string as_of;
  std::vector<CalibratedProducts> products;
  double memory_bytes_per_us = 0; // measured rate of reading device memory; 0: not measured
  double peer_bytes_per_us =
      0;                 // lone copy to another device of the domain, one way; 0: not measured
  double peer_error = 0; // spread over the pairs of devices, natural log
  std::vector<CalibratedAllReduce> all_reduces;
  CalibratedLaunch launch;
  std::shared_ptr<const RunFactors> runs; // of an engine; or none

  /// Anything that was measured on the device itself.
  bool has_measurements() const {
    return !products.empty() || memory_bytes_per_us > 0 || peer_bytes_per_us > 0 ||
           !all_reduces.empty() || launch.in_graph_us > 0;
  }
  const CalibratedProducts* find(const std::string& type) const;
};

/// {"kind": "calibration", ...}; throws INVALID_REQUEST at `path` or below.
Calibration calibration_from_document(const Json& document, const std::string& path);

} // namespace dsk
