#include "plan/e2e_row.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/requantize.hpp"
#include "catalog/version.hpp"
#include "plan/e2e_launch.hpp"

namespace dsk::plan {
namespace {

using workload::ArrivalSpec;
using workload::Lengths;

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(DSK_STATUS_UNSUPPORTED, reason);
}

// Bounds of what a row may ask for: no published run comes near, and none takes minutes.
constexpr double most_gpus = 4096;
constexpr double most_tokens = 10e6;
constexpr double most_clients = 1e5;
constexpr double most_slots = 65536;
constexpr double most_requests = 1e6;

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The number that follows `name` and separators: "--max-num-seqs 64", "request rate 4 req/s".
std::optional<double> noted(const std::string& notes, const std::string& name) {
  auto at = notes.find(name);
  if (at == std::string::npos) return std::nullopt;
  at = notes.find_first_not_of(" =:", at + name.size());
  if (at == std::string::npos) return std::nullopt;
  double value = 0;
  const auto parsed = std::from_chars(notes.data() + at, notes.data() + notes.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

class Interpreter {
public:
  Interpreter(const CsvTable& table, std::size_t row, const Catalog& catalog)
      : table_(table), row_(row), catalog_(catalog), notes_(at("notes")) {}

  E2eCase read() {
    read_device();
    read_engine();
    read_model();
    read_split();
    c_.policy = sim::default_policy(c_.engine, c_.device, c_.model);
    read_kv();
    read_load();
    read_options();
    finish();
    return std::move(c_);
  }

private:
  const std::string& at(const char* column) const { return table_.at(row_, column); }
  void assume(const std::string& what) {
    c_.assumptions += (c_.assumptions.empty() ? "" : "; ") + what;
  }
  // A number of a column; nothing where it is blank or a word.
  std::optional<double> in(const char* column, double most) const {
    const auto value = number(at(column));
    if (value && !(*value >= 0 && *value <= most))
      refuse(std::string(column) + " is " + preview_text(at(column)) + ", must lie between 0 and " +
             number_text(most));
    return value && *value > 0 ? value : std::nullopt;
  }
  // The same of a figure in the notes, at least 1.
  std::optional<double> option(const char* name, double most) const {
    const auto value = noted(notes_, name);
    if (value && !(*value >= 1 && *value <= most))
      refuse("notes: " + std::string(name) + " must lie between 1 and " + number_text(most));
    return value;
  }
  bool from(const char* source) const { return contains(at("source_repo"), source); }

  void read_device() {
    // Sources add the memory size to the name, which the catalogue mostly leaves out.
    std::string name = at("gpu");
    for (;;) {
      try {
        c_.device = catalog_.device(name, "");
        break;
      } catch (const Error& e) {
        const auto dash = name.rfind('-');
        if (e.status() != DSK_STATUS_NOT_FOUND || dash == std::string::npos)
          refuse("GPU " + at("gpu") + " is not in the catalogue");
        name.resize(dash);
      }
    }
    c_.gpus = static_cast<int>(std::max(1.0, in("gpu_count", most_gpus).value_or(1)));
  }

  void read_engine() {
    const std::string& name = at("engine");
    std::string version = at("engine_version");
    std::string known = "generic";
    if (name == "vLLM")
      known = "vllm";
    else if (name == "SGLang")
      known = "sglang";
    else if (name == "TensorRT-LLM")
      known = "tensorrt-llm";
    else if (name.starts_with("LMDeploy"))
      known = "lmdeploy";
    if (version.empty() || version[0] < '0' || version[0] > '9' || version.starts_with("20")) {
      // Undated images of 2025 are of the first of these; nightlies are newer.
      const bool old = contains(notes_, "measured 2025") || version == "gpt-oss-dev";
      version = !old ? "" : known == "vllm" ? "0.11" : known == "tensorrt-llm" ? "1.0" : "";
      if (known == "tensorrt-llm" && version.empty()) version = "1.0";
      if (known != "generic")
        assume("engine version taken as " + (version.empty() ? "newest" : version));
    }
    c_.engine = catalog_.engine(known, version, "");
    if (known == "generic") {
      // Eager execution: the host sets the pace (Splitwise's profile: 0.48 ms a layer and 0.3 ms a
      // sequence on its DGX machines).
      eager_ = true;
    }
  }

  void read_model() {
    const std::string& name = at("model");
    const std::string& dtype = at("weights_dtype");
    Model model;
    try {
      model = catalog_.model(name, "");
    } catch (const Error& e) {
      if (e.status() != DSK_STATUS_NOT_FOUND) throw;
      refuse("model " + name + " is not in the catalogue");
    }
    std::string weights;
    // Published FP8 checkpoints of these have a scale a channel or tensor, others a scale a block.
    bool whole = false;
    for (const char* family : {"Llama", "Mistral", "Mixtral", "GPTJ", "Falcon"})
      whole = whole || model.architecture.starts_with(family);
    if (dtype.starts_with("fp8"))
      weights = whole ? "fp8" : "fp8-block";
    else if (dtype.starts_with("int4") || dtype.starts_with("w4a16") || dtype == "awq" ||
             dtype == "gptq")
      weights = "int4";
    else if (dtype.starts_with("int8") || dtype.starts_with("w8a8"))
      weights = "int8";
    else if (dtype == "fp4")
      weights = "nvfp4";
    else if (dtype == "bf16" || dtype == "fp16" || dtype == "nvfp4" || dtype == "mxfp4")
      weights = dtype;
    else if (!dtype.empty())
      refuse("weights type " + dtype + " is not known");
    const Element stored = model.quantization.default_format.element;
    const bool same = (stored == Element::fp8 && dtype == "fp8") ||
                      (model.quantization.method == "mxfp4" && dtype == "mxfp4") ||
                      ((stored == Element::bf16 || stored == Element::fp16) &&
                       model.quantization.method == "none" && (dtype == "bf16" || dtype == "fp16"));
    c_.model = weights.empty() || same ? model : requantized(model, weights, "");
    weights_ = dtype;
  }

  void read_split() {
    perf::Parallel& p = c_.options.parallel;
    p.tp = static_cast<int>(std::max(1.0, in("tp", most_gpus).value_or(1)));
    p.pp = static_cast<int>(std::max(1.0, in("pp", most_gpus).value_or(1)));
    p.dp = static_cast<int>(std::max(1.0, in("dp", most_gpus).value_or(1)));
    p.ep = static_cast<int>(std::max(1.0, in("ep", most_gpus).value_or(1)));
    if (contains(notes_, "DEP =") || contains(notes_, "enable_attention_dp=true") ||
        contains(notes_, "--enable-dp-attention")) {
      p.dp = c_.gpus / p.pp;
      p.tp = 1;
      p.ep = std::max(p.ep, p.dp);
    }
    // Since 0.4.5 SGLang's --enable-dp-attention does nothing unless --dp-size says how many ranks
    // (sgl-project/sglang#4390); before, it took all of them.
    if (c_.engine.kind == EngineKind::sglang && contains(notes_, "launch_server") &&
        contains(notes_, "--enable-dp-attention") && !contains(notes_, "--dp ") &&
        !contains(notes_, "--dp-size") && !contains(notes_, "--data-parallel-size") &&
        compare_versions(at("engine_version"), "0.4.5") >= 0) {
      p.dp = 1;
      p.tp = c_.gpus / p.pp;
      p.ep = static_cast<int>(std::max(1.0, in("ep", most_gpus).value_or(1)));
      assume("attention not data-parallel: the command names no --dp-size");
    }
    // Some sources count the attention ranks inside the tensor-parallel group.
    if (p.tp * p.dp * p.pp > c_.gpus && p.dp > 1 && p.tp % p.dp == 0) p.tp /= p.dp;
    const bool experts =
        std::any_of(c_.model.kinds.begin(), c_.model.kinds.end(),
                    [](const Layer& l) { return std::holds_alternative<MoeMlp>(l.ffn); });
    if (!experts) p.ep = 1;
    if (at("ep").empty() && experts) assume("experts split like the dense layers");
    if (p.ep > p.tp * p.dp) p.ep = p.tp * p.dp;
    if (p.ep < 1 || p.tp * p.dp % p.ep != 0) refuse("the split does not divide");
  }

  void read_kv() {
    const std::string& kv = at("kv_dtype");
    if (kv == "fp8")
      c_.options.kv = Element::fp8;
    else if (kv == "fp16")
      c_.options.kv = Element::fp16;
    else if (kv == "bf16" || kv.starts_with("auto"))
      c_.options.kv = Element::bf16;
    else {
      // TensorRT-LLM follows the FP8 cache that ModelOpt's checkpoints ask for.
      const bool trt = c_.engine.kind == EngineKind::tensorrt_llm &&
                       (weights_ == "nvfp4" || weights_ == "fp8" || weights_ == "mxfp4");
      c_.options.kv = trt ? Element::fp8 : Element::bf16;
      kv_open_ = true;
    }
    if (c_.options.kv == Element::fp8 && c_.device.dense_peak(Element::fp8) == 0 &&
        c_.device.dense_peak(Element::int8) > 0 && c_.engine.kind == EngineKind::tensorrt_llm)
      c_.options.kv = Element::int8;
  }

  // A data set's lengths around the mean that the row states.
  static Lengths scaled(LengthFacts facts, double mean) {
    const double by = mean / facts.mean_tokens;
    facts.mean_tokens *= by;
    facts.std_tokens *= by;
    facts.max_tokens *= by;
    for (LengthFacts::Quantile& q : facts.quantiles)
      q.tokens *= by;
    return Lengths::of(facts);
  }

  void lengths(bool sharegpt, double low) {
    const auto input = in("input_len", most_tokens);
    const auto output = in("output_len", most_tokens);
    workload::WorkloadSpec& w = c_.load;
    if (sharegpt || !input || !output) {
      const Dataset set = catalog_.dataset(from("lmdeploy") ? "sharegpt-lmdeploy" : "sharegpt", "");
      // The spread is the data set's, the mean is the row's where it has one.
      w.input = scaled(set.input, input.value_or(set.input.mean_tokens));
      w.output = scaled(set.output, output.value_or(set.output.mean_tokens));
      if (!input || !output) assume("lengths of ShareGPT");
    } else if (low < 1) {
      w.input = Lengths::uniform(low * *input, (low < 0.8 ? 2 - low : 1) * *input);
      w.output = Lengths::uniform(low * *output, (low < 0.8 ? 2 - low : 1) * *output);
    } else {
      w.input = Lengths::fixed(std::max(1.0, std::round(*input)));
      w.output = Lengths::fixed(std::max(1.0, std::round(*output)));
    }
  }

  void closed(double clients, double requests) {
    c_.kind = E2eKind::closed_loop;
    c_.load.closed = workload::ClosedLoop{static_cast<std::int64_t>(clients), 0, false};
    c_.load.requests = static_cast<std::int64_t>(std::max(requests, clients));
  }
  void burst(double requests) {
    c_.kind = E2eKind::burst;
    c_.load.arrivals.process = ArrivalSpec::Process::burst;
    c_.load.requests = static_cast<std::int64_t>(requests);
  }
  void fixed(double batch) {
    c_.kind = E2eKind::fixed_batch;
    burst(batch);
    c_.kind = E2eKind::fixed_batch;
    c_.policy.batching = sim::Batching::fixed;
    c_.policy.max_sequences = static_cast<int>(batch);
    c_.policy.reserve_output = 1;
    c_.policy.request_overhead_s = c_.policy.request_serial_s = 0;
    c_.policy.stream_tokens_per_s = 0;
    c_.policy.first_token_steps = 0;
    c_.policy.prefix_cache = false;
  }

  void read_load() {
    const auto c = in("batch_or_concurrency", most_clients);
    const std::string& scenario = at("scenario");
    c_.median = contains(notes_, "MEDIAN") && !contains(notes_, "MEDIAN per-token");
    if (contains(notes_, "uniform in [0.8,1.0]")) {
      lengths(false, 0.8);
      closed(c.value_or(1), 10 * c.value_or(1));
      inferencex_launch(c_,
                        {at("model"), weights_, c.value_or(1),
                         in("input_len", most_tokens).value_or(1024),
                         in("output_len", most_tokens).value_or(1024)},
                        kv_open_);
      assume("options of InferenceX's launch files");
    } else if (contains(notes_, "gap-analysis run")) {
      gap_analysis(c.value_or(1));
    } else if (contains(notes_, "10x concurrency prompts")) {
      lengths(false, 1);
      closed(c.value_or(1), 10 * c.value_or(1));
    } else if (const auto rate = noted(notes_, "request rate"); rate) {
      open(*rate);
    } else if (const auto per_s = noted(notes_, "prompts at"); per_s) {
      open(*per_s);
    } else if ((scenario == "fixed_batch" && c) || scenario == "latency") {
      lengths(false, 1);
      const double batch = c.value_or(1);
      if (from("lmdeploy")) {
        closed(batch, batch); // streams of one batch, each in a thread of its own
      } else {
        fixed(batch);
      }
    } else if (from("gpustack") || contains(notes_, "ShareGPT") || from("lmdeploy")) {
      lengths(contains(notes_, "sharegpt") || contains(notes_, "ShareGPT"), 1);
      double prompts = option("total tokens /", most_requests).value_or(1000);
      if (const auto n = prompts_noted()) prompts = *n;
      if (from("lmdeploy") || scenario == "server")
        closed(c.value_or(64), prompts);
      else
        burst(c.value_or(prompts));
    } else if (scenario == "offline_max_throughput" || scenario == "fixed_batch") {
      if (scenario == "fixed_batch") assume("as many at once as memory holds");
      lengths(false, 1);
      c_.policy.request_overhead_s = c_.policy.request_serial_s = 0; // the client is in the process
      c_.policy.stream_tokens_per_s = 0;
      // Offline runs of unstated size: enough to fill the largest batch four times.
      burst(8192);
      const auto output = in("output_len", most_tokens).value_or(128);
      if (output > 1024) burst(4096);
      assume("number of requests taken as " + std::to_string(c_.load.requests));
    } else {
      lengths(false, 1);
      closed(c.value_or(1), 10 * c.value_or(1));
      assume("closed loop of ten requests a client");
    }
  }

  // aiconfigurator's gap analysis: genai-perf or aiperf in a closed loop with exact lengths, ten
  // requests a client after two that only warm up.
  void gap_analysis(double clients) {
    lengths(false, 1);
    closed(clients, 10 * clients);
    if (c_.policy.batching == sim::Batching::mixed) {
      c_.policy.max_prompts = 1; // its generator sizes the token budget for one prompt
      assume("one prompt a step");
    }
    const double input = in("input_len", most_tokens).value_or(1024);
    const bool aiperf = std::fmod(input, 1000) == 0;
    // One process reads every stream: TTFT grows as its rate nears this, whatever model and engine.
    c_.policy.stream_tokens_per_s = aiperf ? 20000 : 10500;
    c_.policy.request_serial_s = aiperf ? 0 : 0.008;
    if (!aiperf) return;
    // The later runs, in multiples of 1000, take their prompts from a set of a hundred.
    // TensorRT-LLM reuses no blocks where layers have windows of their own.
    const bool windows =
        std::any_of(c_.model.kinds.begin(), c_.model.kinds.end(), [](const Layer& l) {
          const auto* gqa = std::get_if<GqaAttention>(&l.attention);
          return gqa != nullptr && gqa->window > 0;
        });
    const bool reuse = c_.engine.kind == EngineKind::vllm ||
                       (c_.engine.kind == EngineKind::tensorrt_llm && !windows);
    if (reuse) repeated_prompts(100, input, 2 * clients);
    c_.spread = std::max(1, 8 / c_.gpus);
    c_.request_tokens = input + in("output_len", most_tokens).value_or(128);
    if (c_.engine.kind == EngineKind::sglang) {
      // Launched with --enable-mixed-chunk (aiconfigurator's benchmark rules; the template for
      // 0.5.1 misspells it). Its radix cache never matched.
      c_.policy.batching = sim::Batching::mixed;
      assume("chunks of prompts mixed into decode steps");
    }
  }

  // Prompts from a set of `distinct`, of which a warm-up of `warm_up` requests has sent the first.
  void repeated_prompts(std::int64_t distinct, double input, double warm_up) {
    c_.load.sessions.groups = distinct;
    c_.load.sessions.group_tokens = static_cast<std::int32_t>(input) - 1;
    c_.load.input = Lengths::fixed(1);
    c_.load.requests += static_cast<std::int64_t>(warm_up);
    c_.skip = static_cast<std::int64_t>(warm_up);
    c_.policy.prefix_cache = true;
    assume("prompts of a set of " + std::to_string(distinct) + ", found in the prefix cache");
  }

  void open(double rate) {
    if (!(rate > 0)) refuse("notes: the request rate must be positive");
    if (!(rate <= most_requests)) { // "inf": all at once
      lengths(contains(notes_, "ShareGPT"), 1);
      burst(prompts_noted().value_or(1000));
      return;
    }
    lengths(contains(notes_, "ShareGPT"), 1);
    c_.kind = E2eKind::open_loop;
    c_.load.arrivals.process = ArrivalSpec::Process::poisson;
    c_.load.arrivals.rate_per_s = rate;
    c_.load.requests = static_cast<std::int64_t>(prompts_noted().value_or(1000));
  }

  // "1200 prompts", "ShareGPT 1000 prompts", "5000 requests"
  std::optional<double> prompts_noted() const {
    for (const char* word : {" prompts", " requests"}) {
      auto end = notes_.find(word);
      while (end != std::string::npos) {
        auto begin = end;
        while (begin > 0 && notes_[begin - 1] >= '0' && notes_[begin - 1] <= '9')
          --begin;
        if (begin < end) {
          const auto n = number(notes_.substr(begin, end - begin));
          if (n && !(*n >= 1 && *n <= most_requests))
            refuse("notes: the number of prompts must lie between 1 and " +
                   number_text(most_requests));
          return n;
        }
        end = notes_.find(word, end + 1);
      }
    }
    return std::nullopt;
  }

  void read_options() {
    sim::Policy& p = c_.policy;
    if (const auto v = option("--max-num-seqs", most_slots)) p.max_sequences = static_cast<int>(*v);
    if (const auto v = option("--max-num-batched-tokens", most_tokens))
      p.token_budget = static_cast<int>(*v);
    if (const auto v = option("--max-running-requests", most_slots))
      p.max_sequences = static_cast<int>(*v);
    if (const auto v = noted(notes_, "--chunked-prefill-size"); v && *v >= 1 && *v <= most_tokens)
      p.token_budget = static_cast<int>(*v);
    if (contains(notes_, "--async-scheduling")) p.lag_steps = 1;
    // LMDeploy's profilers call the engine in their own process.
    if (contains(notes_, "profile_generation") || contains(notes_, "profile_throughput"))
      p.request_overhead_s = p.request_serial_s = 0;
    if (from("lmdeploy") && c_.load.closed)
      p.max_sequences = std::max(p.max_sequences, static_cast<int>(c_.load.closed->clients));
    if (c_.engine.kind == EngineKind::sglang && p.max_sequences < 2048 && !from("InferenceX"))
      p.max_sequences = 2048;                                 // no limit was met in published runs
    if (c_.load.sessions.groups == 0) p.prefix_cache = false; // prompts that share nothing
    if (eager_) {
      const double layers = c_.model.layers();
      const double hidden = 2.0 * c_.model.hidden;
      p.host_step_us = 480 * layers;
      p.host_prefill_us = 750 * layers;
      p.host_sequence_us = 300;
      p.host_between_us = 6000;
      p.spill_token_us = layers * 150 * hidden / (800 * c_.device.bandwidth_gbs);
      p.spill_tokens = static_cast<double>(c_.device.l2_bytes) / hidden;
    }
    // Each attention rank takes its part of SGLang's chunk (documented with --dp-size).
    if (c_.engine.kind == EngineKind::sglang && c_.options.parallel.dp > 1)
      p.token_budget /= c_.options.parallel.dp;
    p.token_budget = std::max(p.token_budget, 16);
  }

  void finish() {
    const perf::Parallel& p = c_.options.parallel;
    if (kv_open_) assume("KV cache taken as " + std::string(element_name(*c_.options.kv)));
    c_.deployment = at("model") + "|" + weights_ + "|" + c_.device.name + "|" + c_.engine.name +
                    "@" + c_.engine.version + "|" + std::to_string(p.tp) + "|" +
                    std::to_string(p.pp) + "|" + std::to_string(p.dp) + "|" + std::to_string(p.ep) +
                    "|" + std::string(element_name(*c_.options.kv)) + "|" +
                    std::to_string(c_.policy.max_sequences) + "|" +
                    std::to_string(c_.policy.token_budget) + "|" +
                    number_text(c_.options.memory_fraction);
    c_.key = c_.deployment + "|" + at("scenario") + "|" + at("batch_or_concurrency") + "|" +
             at("input_len") + "|" + at("output_len") + "|" +
             std::to_string(static_cast<int>(c_.kind)) +
             std::to_string(static_cast<int>(c_.policy.batching)) + "|" +
             std::to_string(c_.policy.poll_steps) + std::to_string(c_.policy.lag_steps) +
             (eager_ ? "e" : "") + "|" + std::to_string(c_.load.requests) + "|" +
             number_text(c_.load.input.mean()) + "|" + number_text(c_.load.input.largest()) + "|" +
             number_text(c_.load.output.largest()) + "|" + number_text(c_.load.arrivals.rate_per_s);
  }

  const CsvTable& table_;
  std::size_t row_;
  const Catalog& catalog_;
  const std::string& notes_;
  std::string weights_;
  bool eager_ = false;
  bool kv_open_ = false; // the row does not say
  E2eCase c_;
};

} // namespace

E2eRow read_e2e_row(const CsvTable& table, std::size_t row) {
  E2eRow r;
  r.id = table.at(row, "id");
  r.flag = table.at(row, "flag");
  r.scenario = table.at(row, "scenario");
  r.gpu = table.at(row, "gpu");
  r.engine = table.at(row, "engine");
  r.version = table.at(row, "engine_version");
  r.model = table.at(row, "model");
  const std::string& value = table.at(row, "value");
  const auto measured = number(value);
  if (!measured || !(*measured > 0))
    refuse("value is \"" + preview_text(value) + "\", must be a positive number");
  r.measured = *measured;
  static constexpr std::pair<const char*, E2eMetric> metrics[] = {
      {"ttft_ms", E2eMetric::ttft_ms},
      {"tpot_ms", E2eMetric::tpot_ms},
      {"e2e_ms", E2eMetric::e2e_ms},
      {"output_tok_s", E2eMetric::output_tok_s},
      {"output_tok_s_per_gpu", E2eMetric::output_tok_s_per_gpu},
      {"total_tok_s", E2eMetric::total_tok_s},
      {"samples_s", E2eMetric::samples_s}};
  for (const auto& [name, metric] : metrics)
    if (table.at(row, "metric") == name) {
      r.metric = metric;
      return r;
    }
  refuse("metric " + table.at(row, "metric") + " is not known");
}

E2eCase read_e2e_case(const CsvTable& table, std::size_t row, const Catalog& catalog) {
  return Interpreter(table, row, catalog).read();
}

} // namespace dsk::plan
