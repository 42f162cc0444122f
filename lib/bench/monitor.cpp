#include "bench/monitor.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <tuple>

#include <unistd.h>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "bench/clock.hpp"
#include "bench/nvml.hpp"
#include "bench/small_http.hpp"

namespace dsk::bench {
namespace {

double number_in(const std::string& path) {
  std::ifstream file(path);
  double value = 0;
  file >> value;
  return file ? value : -1;
}

std::vector<std::string> entries_of(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(directory, code))
    out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

std::string label_text(const Figure& figure) {
  std::string out;
  for (const auto& [name, value] : figure.labels) {
    out += (out.empty() ? "{" : ",") + name + "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n')
        out += "\\n";
      else
        out += c;
    }
    out += '"';
  }
  return out.empty() ? out : out + "}";
}

const Figure* same(const MonitorSample& in, const Figure& figure) {
  for (const Figure& other : in.figures)
    if (other.name == figure.name && other.labels == figure.labels) return &other;
  return nullptr;
}

/// A counter's rate since the sample before; nothing for the first sample or after a restart.
std::optional<double> rate_of(const Figure& figure, const MonitorSample& now,
                              const MonitorSample* before) {
  if (!before || now.elapsed_s <= 0) return std::nullopt;
  const Figure* old = same(*before, figure);
  if (!old || old->value > figure.value) return std::nullopt;
  return (figure.value - old->value) / now.elapsed_s;
}

} // namespace

MonitorOptions read_monitor_options(const Json& document) {
  Reader reader(document, "");
  MonitorOptions out;
  out.engine_metrics_url = reader.text("engine_metrics_url", "", 2048);
  if (!out.engine_metrics_url.empty() && out.engine_metrics_url.rfind("http://", 0) != 0)
    reader.fail("engine_metrics_url", "must begin with http://");
  out.timeout_s = reader.number("timeout_s", 0.001, 60, out.timeout_s);
  const std::vector<std::string> hosts = reader.texts("hosts", 256);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::size_t colon = hosts[i].rfind(':');
    const int port = colon == std::string::npos ? 0 : std::atoi(hosts[i].c_str() + colon + 1);
    if (colon == 0 || port < 1 || port > 65535)
      invalid_request(json::pointer("/hosts", i),
                      "a host is \"" + preview_text(hosts[i]) + "\", must be HOST:PORT");
    out.hosts.emplace_back(hosts[i].substr(0, colon), port);
  }
  reader.done();
  return out;
}

Monitor::Monitor(MonitorOptions options) : options_(std::move(options)) {}

MonitorSample Monitor::sample() {
  MonitorSample out;
  const double now = now_s();
  out.at_unix_s = unix_time_s();
  out.elapsed_s = last_s_ < 0 ? 0 : now - last_s_;
  last_s_ = now;
  gpus(out);
  host(out);
  network(out);
  round_trips(out);
  engine(out);
  return out;
}

void Monitor::gpus(MonitorSample& out) const {
  const Nvml& nvml = Nvml::instance();
  if (!nvml.missing().empty()) out.missing.push_back(nvml.missing());
  for (std::size_t i = 0; i < nvml.count(); ++i) {
    const GpuState s = nvml.state(i, true);
    const std::string gpu = std::to_string(i);
    const auto add = [&](const char* name, const auto& value, double scale = 1,
                         bool counter = false) {
      if (value)
        out.figures.push_back({name, {{"gpu", gpu}}, scale * static_cast<double>(*value), counter});
    };
    add("dsk_gpu_utilization_ratio", s.utilisation);
    add("dsk_gpu_memory_utilization_ratio", s.memory_utilisation);
    add("dsk_gpu_memory_used_bytes", s.memory_used_bytes);
    add("dsk_gpu_memory_total_bytes", s.memory_total_bytes);
    add("dsk_gpu_sm_clock_hertz", s.sm_clock_mhz, 1e6);
    add("dsk_gpu_memory_clock_hertz", s.memory_clock_mhz, 1e6);
    add("dsk_gpu_power_watts", s.power_w);
    add("dsk_gpu_energy_joules_total", s.energy_j, 1, true);
    add("dsk_gpu_temperature_celsius", s.temperature_c);
    add("dsk_gpu_processes", s.processes);
    add("dsk_gpu_pcie_transmit_bytes_per_second", s.pcie_tx_mb_per_s, 1e6);
    add("dsk_gpu_pcie_receive_bytes_per_second", s.pcie_rx_mb_per_s, 1e6);
    add("dsk_gpu_nvlink_transmit_bytes_total", s.nvlink_tx_bytes, 1, true);
    add("dsk_gpu_nvlink_receive_bytes_total", s.nvlink_rx_bytes, 1, true);
    add("dsk_gpu_ecc_uncorrected_errors_total", s.ecc_uncorrected, 1, true);
    if (s.throttle_bits) {
      const auto now = throttle_reasons(*s.throttle_bits);
      for (const std::string& reason : throttle_reasons(~std::uint64_t{0}))
        out.figures.push_back({"dsk_gpu_throttled",
                               {{"gpu", gpu}, {"reason", reason}},
                               std::find(now.begin(), now.end(), reason) != now.end() ? 1.0 : 0.0,
                               false});
    }
  }
}

void Monitor::host(MonitorSample& out) const {
  std::ifstream stat("/proc/stat");
  std::string word;
  double ticks[8] = {};
  stat >> word;
  for (double& value : ticks)
    stat >> value;
  if (stat) {
    const double second = static_cast<double>(sysconf(_SC_CLK_TCK));
    constexpr std::pair<const char*, int> modes[] = {{"user", 0},    {"nice", 1},   {"system", 2},
                                                     {"idle", 3},    {"iowait", 4}, {"irq", 5},
                                                     {"softirq", 6}, {"steal", 7}};
    for (const auto& [mode, at] : modes)
      out.figures.push_back({"dsk_cpu_seconds_total", {{"mode", mode}}, ticks[at] / second, true});
  } else {
    out.missing.emplace_back("/proc/stat cannot be read");
  }
  std::ifstream memory("/proc/meminfo");
  for (std::string line; std::getline(memory, line);) {
    double kib = 0;
    char name[64] = "";
    if (std::sscanf(line.c_str(), "%63[^:]: %lf", name, &kib) != 2) continue;
    if (std::string(name) == "MemTotal")
      out.figures.push_back({"dsk_memory_total_bytes", {}, 1024 * kib, false});
    if (std::string(name) == "MemAvailable")
      out.figures.push_back({"dsk_memory_available_bytes", {}, 1024 * kib, false});
  }
}

void Monitor::network(MonitorSample& out) const {
  constexpr std::pair<const char*, const char*> counters[] = {
      {"rx_bytes", "dsk_network_receive_bytes_total"},
      {"tx_bytes", "dsk_network_transmit_bytes_total"},
      {"rx_errors", "dsk_network_receive_errors_total"},
      {"tx_errors", "dsk_network_transmit_errors_total"},
      {"rx_dropped", "dsk_network_receive_dropped_total"}};
  for (const std::string& device : entries_of("/sys/class/net"))
    for (const auto& [file, name] : counters)
      if (const double value = number_in("/sys/class/net/" + device + "/statistics/" + file);
          value >= 0)
        out.figures.push_back({name, {{"device", device}}, value, true});
  // RDMA devices count data in words of four bytes.
  constexpr std::tuple<const char*, const char*, double> rdma[] = {
      {"port_rcv_data", "dsk_rdma_receive_bytes_total", 4},
      {"port_xmit_data", "dsk_rdma_transmit_bytes_total", 4},
      {"symbol_error", "dsk_rdma_symbol_errors_total", 1},
      {"link_downed", "dsk_rdma_link_downed_total", 1}};
  for (const std::string& device : entries_of("/sys/class/infiniband"))
    for (const std::string& port : entries_of("/sys/class/infiniband/" + device + "/ports"))
      for (const auto& [file, name, scale] : rdma)
        if (const double value = number_in("/sys/class/infiniband/" + device + "/ports/" + port +
                                           "/counters/" + file);
            value >= 0)
          out.figures.push_back({name, {{"device", device}, {"port", port}}, scale * value, true});
}

void Monitor::round_trips(MonitorSample& out) const {
  for (const auto& [host, port] : options_.hosts) {
    try {
      const double seconds = round_trip_s(host, port, options_.timeout_s);
      out.figures.push_back({"dsk_network_round_trip_seconds",
                             {{"host", host + ":" + std::to_string(port)}},
                             seconds,
                             false});
    } catch (const Error& e) {
      out.missing.push_back("round trip: " + std::string(e.what()));
    }
  }
}

void Monitor::engine(MonitorSample& out) const {
  if (options_.engine_metrics_url.empty()) return;
  try {
    const auto figures = engine_figures(http_get(options_.engine_metrics_url, options_.timeout_s));
    if (figures.empty())
      out.missing.push_back(options_.engine_metrics_url + " has no metrics of vLLM or SGLang");
    out.figures.insert(out.figures.end(), figures.begin(), figures.end());
  } catch (const Error& e) {
    out.missing.push_back("engine metrics: " + std::string(e.what()));
  }
}

std::vector<Figure> engine_figures(const std::string& exposition) {
  struct Known {
    const char* theirs;
    const char* ours;
    bool counter;
  };
  // Names of vLLM 0.11 and SGLang 0.5.
  constexpr Known known[] = {
      {"vllm:kv_cache_usage_perc", "dsk_engine_kv_cache_usage_ratio", false},
      {"vllm:gpu_cache_usage_perc", "dsk_engine_kv_cache_usage_ratio", false},
      {"sglang:token_usage", "dsk_engine_kv_cache_usage_ratio", false},
      {"vllm:num_requests_running", "dsk_engine_requests_running", false},
      {"sglang:num_running_reqs", "dsk_engine_requests_running", false},
      {"vllm:num_requests_waiting", "dsk_engine_requests_waiting", false},
      {"sglang:num_queue_reqs", "dsk_engine_requests_waiting", false},
      {"vllm:num_preemptions_total", "dsk_engine_preemptions_total", true},
      {"vllm:prompt_tokens_total", "dsk_engine_prompt_tokens_total", true},
      {"sglang:prompt_tokens_total", "dsk_engine_prompt_tokens_total", true},
      {"vllm:generation_tokens_total", "dsk_engine_generation_tokens_total", true},
      {"sglang:generation_tokens_total", "dsk_engine_generation_tokens_total", true},
      {"vllm:prefix_cache_queries_total", "dsk_engine_prefix_cache_queries_total", true},
      {"vllm:prefix_cache_hits_total", "dsk_engine_prefix_cache_hits_total", true},
      {"sglang:cache_hit_rate", "dsk_engine_prefix_cache_hit_ratio", false},
      {"sglang:num_used_tokens", "dsk_engine_kv_used_tokens", false}};
  std::map<std::string, Figure> sums; // over the engine's own labels (ranks, model names)
  double block_tokens = 0, blocks = 0;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const std::size_t end = line.find_first_of("{ ");
    if (end == std::string::npos) continue;
    const std::string name = line.substr(0, end);
    if (name == "vllm:cache_config_info") {
      const auto label = [&](const std::string& key) {
        const std::size_t at = line.find(key + "=\"");
        return at == std::string::npos ? 0.0
                                       : std::strtod(line.c_str() + at + key.size() + 2, nullptr);
      };
      block_tokens = label("block_size");
      blocks = label("num_gpu_blocks");
    }
    const std::size_t value_at = line.find_last_of(' ');
    const double value = std::strtod(line.c_str() + value_at + 1, nullptr);
    for (const Known& k : known) {
      if (name != k.theirs) continue;
      Figure& figure = sums[k.ours];
      figure.name = k.ours;
      figure.counter = k.counter;
      figure.value += value;
    }
  }
  std::vector<Figure> out;
  for (auto& [name, figure] : sums)
    out.push_back(std::move(figure));
  if (blocks > 0) {
    out.push_back({"dsk_engine_kv_blocks", {}, blocks, false});
    out.push_back({"dsk_engine_kv_block_tokens", {}, block_tokens, false});
    const auto usage = std::find_if(out.begin(), out.end(), [](const Figure& f) {
      return f.name == "dsk_engine_kv_cache_usage_ratio";
    });
    const auto running = std::find_if(out.begin(), out.end(), [](const Figure& f) {
      return f.name == "dsk_engine_requests_running";
    });
    // In the last block of each running sequence half of the places are empty on average: what is
    // allocated less what is used, as a share of what is allocated. An estimate: no engine says
    // how many tokens lie in its blocks.
    if (usage != out.end() && running != out.end() && usage->value > 0 && block_tokens > 0) {
      const double allocated = usage->value * blocks * block_tokens;
      const double unused = std::min(allocated, running->value * 0.5 * (block_tokens - 1));
      out.push_back({"dsk_engine_kv_fragmentation_ratio", {}, unused / allocated, false});
    }
  }
  return out;
}

Json document_of(const MonitorSample& sample, const MonitorSample* before) {
  Json out;
  out["kind"] = "monitor_sample";
  out["schema"] = 1;
  out["at_unix_s"] = sample.at_unix_s;
  out["elapsed_s"] = json::significant(sample.elapsed_s, 6);
  out["figures"] = Json::array();
  for (const Figure& f : sample.figures) {
    Json one;
    one["name"] = f.name;
    for (const auto& [name, value] : f.labels)
      one[name] = value;
    one["value"] = json::significant(f.value, 12);
    if (f.counter) {
      const auto rate = rate_of(f, sample, before);
      one["per_s"] = rate ? Json(json::significant(*rate, 6)) : Json(nullptr);
    }
    out["figures"].push_back(std::move(one));
  }
  out["missing"] = sample.missing;
  return out;
}

std::string prometheus_text(const MonitorSample& sample) {
  std::string out;
  std::vector<std::string> names; // each name's samples stand together under one TYPE line
  for (const Figure& f : sample.figures)
    if (std::find(names.begin(), names.end(), f.name) == names.end()) names.push_back(f.name);
  for (const std::string& name : names) {
    bool first = true;
    for (const Figure& f : sample.figures) {
      if (f.name != name) continue;
      if (first) out += "# TYPE " + name + (f.counter ? " counter\n" : " gauge\n");
      first = false;
      out += name + label_text(f) + " " + number_text(f.value) + "\n";
    }
  }
  return out;
}

std::string monitor_table(const MonitorSample& sample, const MonitorSample* before) {
  std::string out;
  for (const Figure& f : sample.figures) {
    double shown = f.value;
    std::string unit;
    if (f.counter) {
      const auto rate = rate_of(f, sample, before);
      if (!rate || *rate == 0) continue; // what stands still says nothing on a screen
      shown = *rate;
      unit = " /s";
    }
    std::string name = f.name + label_text(f);
    if (name.size() < 58) name.append(58 - name.size(), ' ');
    out += name + " " + number_text(json::significant(shown, 5)) + unit + "\n";
  }
  for (const std::string& missing : sample.missing)
    out += "not seen: " + missing + "\n";
  return out;
}

} // namespace dsk::bench
