// Documents of strangers: each value of a good one is replaced by each of a list of bad ones, at
// every call that takes JSON. What comes back is an answer or one sentence with a place, never an
// internal error, and nothing stays alive.
//   capi_hostile [STRIDE]   every STRIDE-th replacement only
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "dsk/bench.hpp"
#include "dsk/calibrate.h"

namespace {

using dsk::JsonValue;

int bad = 0;

/// A document with the `target`-th of its values, in the order of the text, replaced.
class Replaced {
public:
  Replaced(const JsonValue& value, std::size_t target, const std::string& with)
      : target_(target), with_(with) {
    write(value);
  }
  const std::string& text() const { return text_; }
  std::size_t values() const { return at_; }

private:
  void write(const JsonValue& value) {
    if (at_++ == target_) {
      text_ += with_;
      return;
    }
    const char* between = "";
    switch (value.kind()) {
    case JsonValue::Kind::array:
      text_ += '[';
      for (const JsonValue& item : value.items()) {
        text_ += between;
        between = ",";
        write(item);
      }
      text_ += ']';
      break;
    case JsonValue::Kind::object:
      text_ += '{';
      for (const auto& [name, member] : value.members()) {
        text_ += between + JsonValue(name).dump() + ':';
        between = ",";
        write(member);
      }
      text_ += '}';
      break;
    default:
      text_ += value.dump();
    }
  }

  std::size_t target_, at_ = 0;
  std::string with_, text_;
};

using Call = std::function<dsk_status(const std::string& text, char** out, dsk_error** error)>;

const std::vector<std::string>& bad_values() {
  static const std::vector<std::string> list = {"null",
                                                "true",
                                                "\"x\"",
                                                "\"\"",
                                                "-1",
                                                "0",
                                                "0.5",
                                                "1e308",
                                                "-9223372036854775808",
                                                "[]",
                                                "{}",
                                                "[[null]]",
                                                "{\"kind\":{\"a\":[]}}",
                                                "[\"\\ud83d\\ude80\"]",
                                                '"' + std::string(3000, 'y') + '"'};
  return list;
}

void attack(const char* name, const std::string& good, std::size_t stride, const Call& call) {
  char* answer = nullptr;
  dsk_error* refusal = nullptr;
  if (call(good, &answer, &refusal) != DSK_STATUS_OK) {
    std::printf("%s: the good document is refused: %s: %s\n", name, dsk_error_path(refusal),
                dsk_error_message(refusal));
    ++bad;
  }
  dsk_free(answer);
  dsk_error_destroy(refusal);
  const JsonValue document = JsonValue::parse(good);
  const std::size_t values = Replaced(document, SIZE_MAX, "").values();
  std::size_t tried = 0;
  for (std::size_t target = 0; target < values; ++target)
    for (const std::string& with : bad_values()) {
      if (tried++ % stride != 0) continue;
      const std::string text = Replaced(document, target, with).text();
      char* out = nullptr;
      dsk_error* error = nullptr;
      const std::uint64_t alive = dsk_live_objects();
      const dsk_status status = call(text, &out, &error);
      const std::string message = error ? dsk_error_message(error) : "";
      const std::string path = error ? dsk_error_path(error) : "";
      bool right = status == DSK_STATUS_OK ? !error : error && !out && !message.empty();
      right = right && status != DSK_STATUS_INTERNAL && status != DSK_STATUS_OUT_OF_MEMORY;
      // The whole document has no pointer but the empty one.
      right = right && (status != DSK_STATUS_INVALID_REQUEST || target == 0 || !path.empty());
      dsk_free(out);
      dsk_error_destroy(error);
      right = right && dsk_live_objects() == alive;
      if (right) continue;
      ++bad;
      std::printf("%s: %s at \"%s\": %s\n  with value %zu as %.60s\n", name,
                  dsk_status_name(status), path.c_str(), message.c_str(), target, with.c_str());
    }
}

std::string file(const std::string& path) {
  std::ifstream in(DSK_SOURCE_DIR "/" + path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (text.empty()) {
    std::printf("%s is empty\n", path.c_str());
    ++bad;
  }
  return text;
}

dsk_status plan_of(const std::string& text, char** out, dsk_error** error) {
  dsk_plan* plan = nullptr;
  const dsk_status status = dsk_plan_create(text.data(), text.size(), nullptr, &plan, error);
  if (status != DSK_STATUS_OK) return status;
  const dsk_status written = dsk_plan_to_json(plan, out, nullptr, error);
  dsk_plan_destroy(plan);
  return written;
}

void planning(std::size_t stride) {
  for (const char* name : {"examples/requests/llama-8b-chat.json",
                           "tests/conformance/plan/by-size-latency.request.json",
                           "tests/conformance/plan/llama-8b-config.request.json"})
    attack(name, file(name), stride, plan_of);
  const std::string request = file("tests/conformance/fit/racks.plan.json");
  dsk_plan* plan = nullptr;
  if (dsk_plan_create(request.data(), request.size(), nullptr, &plan, nullptr) != DSK_STATUS_OK)
    ++bad;
  for (const char* name : {"racks", "islands"})
    attack(name, file(std::string("tests/conformance/fit/") + name + ".request.json"), stride,
           [&](const std::string& text, char** out, dsk_error** error) {
             return dsk_plan_fit(plan, text.data(), text.size(), out, nullptr, error);
           });
  dsk_plan_destroy(plan);
  attack("memory", file("tests/conformance/memory/13b-batch-32.request.json"), stride,
         [](const std::string& text, char** out, dsk_error** error) {
           return dsk_plan_memory(text.data(), text.size(), out, nullptr, error);
         });
  attack("cost", file("tests/conformance/cost/brief.request.json"), stride,
         [](const std::string& text, char** out, dsk_error** error) {
           return dsk_plan_cost(text.data(), text.size(), out, nullptr, error);
         });
}

const char* const step =
    R"({"model": "llama-3.1-8b", "device": "h100-sxm", "engine": "vllm", "parallel": {"tp": 2},
  "batch": {"decode_sequences": 4, "kv_sum": 900, "prefill": [{"new_tokens": 64, "context": 10}]}})";
const char* const simulation =
    R"({"model": "llama-3.1-8b", "device": "h100-sxm", "engine": "vllm", "replicas": 2,
  "parallel": {"tp": 1}, "routing": "least_loaded", "policy": {"max_sequences": 16, "token_budget": 2048},
  "workload": {"requests": 6, "seed": 3, "arrivals": {"process": "gamma", "rate_per_s": 5, "cv": 2},
               "input": {"lognormal": {"mean": 100, "std": 30, "min": 1, "max": 500}}, "output": {"uniform": [2, 9]}},
  "slo": {"ttft_ms": 500, "tpot_ms": 50}})";

void simulating(std::size_t stride) {
  attack("explain", step, stride, [](const std::string& text, char** out, dsk_error** error) {
    return dsk_plan_explain(text.data(), text.size(), DSK_EXPLAIN_TABLE, out, nullptr, error);
  });
  attack("simulate", simulation, stride,
         [](const std::string& text, char** out, dsk_error** error) {
           return dsk_plan_simulate(text.data(), text.size(), nullptr, nullptr, 0, 0, nullptr, out,
                                    nullptr, error);
         });
}

// What `dsk bench` wrote on an H200, what it becomes, and that as a part of a request.
std::string measurements() {
  std::string lines = file("docs/results/2026-11-24-h200-probes/quick-1.jsonl"), out;
  int kept = 0;
  for (std::size_t from = 0; from < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', from), lines.size());
    const std::string line = lines.substr(from, end - from);
    from = end + 1;
    // The machine and some of each kind: products of one type, launches, copies.
    const bool wanted = line.find("\"kind\":\"machine\"") != std::string::npos ||
                        line.find("gemm/bf16") != std::string::npos ||
                        line.find("kernels/x64") != std::string::npos ||
                        line.find("memory_copy") != std::string::npos;
    if (wanted && kept++ < 9) out += (out.empty() ? "" : ",") + line;
  }
  return "[" + out + "]";
}

dsk_status calibrated(const std::string& text, char** out, dsk_error** error) {
  return dsk_plan_calibrate(text.data(), text.size(), out, nullptr, error);
}

void calibrating(std::size_t stride) {
  const std::string request =
      R"({"device": "h200-sxm", "as_of": "2026-11-24", "measurements": )" + measurements() + "}";
  attack("calibrate", request, stride, calibrated);
  char* document = nullptr;
  if (calibrated(request, &document, nullptr) != DSK_STATUS_OK) ++bad;
  const std::string with =
      R"({"model": "llama-3.1-8b", "device": "h200-sxm", "batch": {"decode_sequences": 4, "kv_sum": 900},
    "catalog": [)" +
      std::string(document ? document : "null") + "]}";
  dsk_free(document);
  attack("calibration", with, stride, [](const std::string& text, char** out, dsk_error** error) {
    return dsk_plan_explain(text.data(), text.size(), DSK_EXPLAIN_TABLE, out, nullptr, error);
  });
  // Runs of an engine, of which no fit is made: the value that spoils them comes first.
  const std::string deployment =
      R"("deployment": {"model": "llama-3.1-8b", "engine": "vllm", "parallel": {"tp": 1}})";
  const std::string vllm =
      R"({"completed": 3, "request_rate": 1, "num_prompts": 3, "total_input_tokens": 300, "burstiness": 1,
    "total_output_tokens": 30, "mean_ttft_ms": 20, "p99_ttft_ms": 30, "mean_tpot_ms": 8, "output_throughput": 9})";
  const std::string own =
      R"({"latency": {"ttft_ms": {"mean": 20}}, "rates": {"output_tokens_per_s": 9}, "requests": {"completed": 3, "sent": 3},
    "tokens": {"input": 300, "output": 30}, "request": {"workload": {"rate_per_s": 1, "process": "poisson", "input_tokens":
    {"mean": 100, "deviation": 5, "low": 80, "high": 120}, "output_tokens": {"low": 8, "high": 12}}}})";
  const std::string log =
      JsonValue(
          R"({"queued_ts": 0, "scheduled_ts": 0, "first_token_ts": 0.02, "last_token_ts": 0.06, "input_toks": 5, "output_toks": 5})")
          .dump();
  for (const std::string& run :
       {"\"vllm_bench\": " + vllm, "\"load_report\": " + own, "\"request_log\": " + log})
    attack(
        "runs",
        R"({"device": "h100-sxm", "as_of": "2026-11-24", "measurements": [], "runs": [{"name": "a", )" +
            deployment + ", " + run + "}]}",
        3 * stride, calibrated);
}

dsk_status merged(const std::string& text, dsk_bench_load_format format, char** out,
                  dsk_error** error) {
  const char* reports[] = {text.c_str(), text.c_str()};
  return dsk_bench_load_emit(reports, 2, format, out, nullptr, error);
}

void measuring(std::size_t stride) {
  std::string report =
      R"({"kind": "load_report", "schema": 1, "request": {"endpoint": {"model": "m", "api": "chat"}, "workload":
    {"rate_per_s": 1}, "slo": {"ttft_ms": 5}}, "generator": "g", "machines": 1, "began_at_unix_s": 1e9, "duration_s": 9, "ended": "done",
    "resumed": 0, "max_in_flight": 3, "requests": {"sent": 3, "completed": 3, "interrupted": 0, "warmup": 0, "within_slo": 2},
    "failures": {"status 500": 1}, "tokens": {"input": 9, "output": 9, "requests_counted_by_server": 3}, "histograms": {)";
  const char* between = "";
  for (const char* name : {"ttft_ms", "tpot_ms", "itl_ms", "e2e_ms", "send_delay_ms"}) {
    report +=
        std::string(between) + "\"" + name +
        R"(": {"count": 2, "mean": 3, "m2": 2, "min": 2, "max": 4, "zeros": 0, "bins": [[512, 1], [600, 1]]})";
    between = ",";
  }
  report += "}}";
  for (const dsk_bench_load_format format :
       {DSK_BENCH_LOAD_JSON, DSK_BENCH_LOAD_VLLM, DSK_BENCH_LOAD_TABLE})
    attack("load report", report, stride,
           [&](const std::string& text, char** out, dsk_error** error) {
             return merged(text, format, out, error);
           });
  attack("machine report", measurements(), stride,
         [](const std::string& text, char** out, dsk_error** error) {
           std::string lines;
           const JsonValue list = JsonValue::parse(text);
           if (list.kind() == JsonValue::Kind::array)
             for (const JsonValue& line : list.items())
               lines += line.dump() + "\n";
           return dsk_bench_machine_emit(lines.data(), lines.size(), out, nullptr, error);
         });
  attack(
      "load request",
      R"({"schema": 1, "endpoint": {"url": "http://127.0.0.1:1", "model": "m", "timeout_s": 1, "headers": {"a": "b"}},
    "workload": {"rate_per_s": 1e6, "requests": 1, "input_tokens": {"mean": 9, "deviation": 1, "low": 1, "high": 20}, "output_tokens": 2},
    "slo": {"ttft_ms": 9}, "max_in_flight": 1})",
      stride * 3, [](const std::string& text, char** out, dsk_error** error) {
        return dsk_bench_load_run(text.data(), text.size(), nullptr, out, nullptr, error);
      });
  attack(
      "monitor request",
      R"({"timeout_s": 0.1, "hosts": ["127.0.0.1:1"], "engine_metrics_url": "http://127.0.0.1:1/metrics"})",
      stride, [](const std::string& text, char**, dsk_error** error) {
        dsk_bench_monitor* monitor = nullptr;
        const dsk_status status =
            dsk_bench_monitor_create(text.data(), text.size(), &monitor, error);
        dsk_bench_monitor_destroy(monitor);
        return status;
      });
  attack(
      "probe request",
      R"({"suite": "quick", "backend": "absent", "device": 0, "list": true, "model": "llama-3.1-8b", "tp": 2})",
      stride, [](const std::string& text, char** out, dsk_error** error) {
        return dsk_bench_probe(text.data(), text.size(), nullptr, out, nullptr, error);
      });
}

} // namespace

int main(int argc, char** argv) {
  const std::size_t stride = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 23;
  planning(stride);
  simulating(stride);
  calibrating(stride);
  measuring(stride);
  return bad ? 1 : 0;
}
