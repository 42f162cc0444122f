// A live view of a machine and an engine: samples as figures with labels, written as JSON, as a
// table and in Prometheus' text format.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace dsk::bench {

/// One figure: name and unit as Prometheus names them ("dsk_gpu_power_watts").
struct Figure {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
  bool counter = false; // grows for ever; JSON and the table show its rate
};

struct MonitorSample {
  double at_unix_s = 0;
  double elapsed_s = 0; // since the sample before; 0 for the first
  std::vector<Figure> figures;
  std::vector<std::string> missing; // what is not seen, and why
};

struct MonitorOptions {
  std::string engine_metrics_url;                 // "http://host:port/metrics"
  std::vector<std::pair<std::string, int>> hosts; // round trips to these
  double timeout_s = 1;                           // of an engine's answer and of a round trip
};
MonitorOptions read_monitor_options(const Json& document);

class Monitor {
public:
  explicit Monitor(MonitorOptions options);
  MonitorSample sample();

private:
  void gpus(MonitorSample& out) const;
  void host(MonitorSample& out) const;
  void network(MonitorSample& out) const;
  void round_trips(MonitorSample& out) const;
  void engine(MonitorSample& out) const;

  MonitorOptions options_;
  double last_s_ = -1;
};

/// Figures of an engine's /metrics under our names: vLLM (vllm:...) and SGLang (sglang:...).
/// Fragmentation of a paged KV cache is the share of allocated block space without a token in it.
std::vector<Figure> engine_figures(const std::string& exposition);

Json document_of(const MonitorSample& sample, const MonitorSample* before);
std::string prometheus_text(const MonitorSample& sample);
std::string monitor_table(const MonitorSample& sample, const MonitorSample* before);

} // namespace dsk::bench
