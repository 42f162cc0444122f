#include "perf/memory.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace dsk::perf {

std::int64_t stage_kv_bytes(const Deployment& d, int stage, std::int64_t tokens); // kv.cpp

namespace {

using Components = std::array<std::int64_t, component_count>;

constexpr double gib = 1073741824.0;

void add(Components& out, const std::vector<Matrix>& list, const Parallel& p,
         std::int64_t times = 1) {
  for (const Matrix& m : list)
    out[static_cast<std::size_t>(m.component)] += times * local_bytes(m, p);
}

// MLP width that one token meets on one device, summed over the experts it passes.
double token_intermediate(const Model& model, const Parallel& p) {
  double widest = 0;
  for (const Layer& layer : model.kinds) {
    double width = 0;
    if (const auto* dense = std::get_if<DenseMlp>(&layer.ffn))
      width = static_cast<double>(dense->intermediate) / p.tp;
    if (const auto* moe = std::get_if<MoeMlp>(&layer.ffn))
      width = static_cast<double>(moe->top_k) * moe->intermediate / (p.moe_tp() * p.ep) +
              static_cast<double>(moe->shared_intermediate) / p.tp;
    widest = std::max(widest, width);
  }
  return widest;
}

// What the engines see as the whole: the runtime's total where it is known, else the driver's.
std::int64_t capacity(const Device& device) {
  return device.runtime_bytes > 0 ? device.runtime_bytes : device.memory_bytes;
}

struct OverheadSizes {
  double tokens;
  double slots;
  double intermediate;
};

std::int64_t overhead_bytes(const Overhead& o, const Deployment& d, const OverheadSizes& s,
                            const MemoryOptions& options) {
  if (o.graphs && !options.cuda_graphs) return 0;
  const Model& m = *d.model;
  double bytes = o.bytes + (d.parallel.devices() > 1 ? o.bytes_multi : 0);
  bytes += s.tokens * (o.per_token_hidden * m.hidden + o.per_token_intermediate * s.intermediate);
  bytes += s.slots * (o.per_slot + o.per_slot_vocab * m.vocab +
                      o.per_slot_vocab_shard * m.vocab / d.parallel.tp);
  return std::llround(bytes);
}

bool matches(const WeightReading& reading, const Deployment& d) {
  return reading.architecture == d.model->architecture && reading.hidden == d.model->hidden &&
         reading.layers == d.model->layers() && reading.device_family == d.device->family &&
         reading.method == d.model->quantization.method &&
         d.parallel == Parallel{reading.tp, 1, 1, 1};
}

// SGLang's own default (server_args.py, "mem_fraction_static"): what it leaves outside grows with
// the prefill chunk, the captured batches and the number of devices; at least 10 GiB on large ones.
double derived_fraction(const Deployment& d, const OverheadSizes& s) {
  const double mib = 1048576.0;
  const double total = static_cast<double>(capacity(*d.device)) / mib;
  double reserved = 512 + 1.5 * s.tokens + 2 * std::min(s.slots, 512.0) +
                    d.parallel.tp * d.parallel.pp / 8.0 * 1024;
  if (total > 60 * 1024) reserved = std::max(reserved, 10.0 * 1024);
  return std::max(0.0, std::round((total - reserved) / total * 1000) / 1000);
}

// Rank-r pairs A[r, in] and B[out, r] of one adapter for every product of attention and MLP, split
// as vLLM splits them: the side that the projection splits is split, the other is whole.
std::int64_t lora_bytes(const std::vector<Matrix>& list, const Parallel& p, int rank) {
  std::int64_t total = 0;
  for (const Matrix& m : list) {
    if (!m.product || m.component == Component::router) continue;
    const LocalShape s = local_shape(m, p);
    total += s.copies * (s.in + s.out) * rank * 2;
  }
  return total;
}

std::int64_t absorbed_bytes(const std::vector<Matrix>& list, const Parallel& p) {
  for (const Matrix& m : list)
    if (std::string_view(m.name) == "kv_b_proj") {
      const LocalShape s = local_shape(m, p);
      return 2 * s.out * s.in;
    }
  return 0;
}

// How often a pipeline stage has each kind of layer.
std::vector<std::int64_t> stage_kinds(const Model& model, const Parallel& p, int stage) {
  const auto split = pipeline_layers(model.layers(), p.pp);
  std::size_t at = 0;
  for (int s = 0; s < stage; ++s)
    at += static_cast<std::size_t>(split[static_cast<std::size_t>(s)]);
  std::vector<std::int64_t> layers(model.kinds.size(), 0);
  for (int i = 0; i < split[static_cast<std::size_t>(stage)]; ++i)
    ++layers[static_cast<std::size_t>(model.layer_kinds[at++])];
  return layers;
}

} // namespace

Components stage_weights(const Deployment& d, const ModelWeights& w, int stage) {
  Components out{};
  const Model& m = *d.model;
  const Parallel& p = d.parallel;
  const auto layers = stage_kinds(m, p, stage);
  for (std::size_t k = 0; k < layers.size(); ++k)
    if (layers[k] > 0) add(out, w.kinds[k], p, layers[k]);
  const bool first = stage == 0;
  const bool last = stage + 1 == p.pp;
  if (first) {
    add(out, w.embedding, p);
    add(out, w.vision, p);
  }
  if (last) {
    add(out, w.head, p);
    if (m.tied_embeddings && !first) add(out, w.embedding, p);
    if (d.mtp_tokens > 0)
      for (const auto& list : w.mtp)
        add(out, list, p);
  }
  add(out, w.engram, p);
  return out;
}

namespace {

std::string in_gib(std::int64_t bytes) {
  return fixed_text(static_cast<double>(bytes) / gib, 2) + " GiB";
}

// The report of one pipeline stage, made step by step.
class Stage {
public:
  Stage(const Deployment& d, const ModelWeights& w, const MemoryOptions& options, int stage)
      : d_(d), m_(*d.model), e_(*d.engine), options_(options) {
    const StartLimits limits = start_limits(e_, *d.device);
    sizes_.tokens = options.token_budget > 0 ? options.token_budget : limits.token_budget;
    sizes_.slots = options.max_batch > 0 ? options.max_batch : limits.max_sequences;
    sizes_.intermediate = token_intermediate(m_, d.parallel);
    r_.stage = stage;
    r_.capacity_bytes = capacity(*d.device);
    add_weights(w);
    add_overheads();
    apply_rule();
    count_tokens();
    explain();
  }

  MemoryReport take() { return std::move(r_); }

private:
  void weight_term(const std::string& name, std::int64_t bytes, const char* origin,
                   const std::string& source) {
    if (bytes == 0) return;
    r_.weights_bytes += bytes;
    r_.terms.push_back({"weights/" + name, bytes, origin, source});
  }

  void add_weights(const ModelWeights& w) {
    const Components parts = stage_weights(d_, w, r_.stage);
    for (int c = 0; c < component_count; ++c)
      weight_term(component_name(static_cast<Component>(c)), parts[static_cast<std::size_t>(c)],
                  "shapes", "shapes of config.json in the stored formats");
    std::int64_t absorbed = 0;
    std::int64_t adapters = 0;
    const auto layers = stage_kinds(m_, d_.parallel, r_.stage);
    for (std::size_t k = 0; k < layers.size(); ++k) {
      if (layers[k] == 0) continue;
      if (e_.materialises_kv_b) absorbed += layers[k] * absorbed_bytes(w.kinds[k], d_.parallel);
      if (options_.lora_adapters > 0)
        adapters += layers[k] * options_.lora_adapters *
                    lora_bytes(w.kinds[k], d_.parallel, options_.lora_rank);
    }
    weight_term("absorbed kv_b copy", absorbed, "shapes",
                "kv_b_proj split into key and value parts in bf16 beside the stored one");
    weight_term("lora adapters", adapters, "shapes",
                "2 bytes x rank x (in + out) of every attention and MLP projection");
    compare_checkpoint(w);
    compare_readings();
  }

  void compare_checkpoint(const ModelWeights& w) {
    if (m_.checkpoint_bytes == 0) return;
    const std::int64_t all = whole_bytes(m_, w);
    const double share = static_cast<double>(r_.weights_bytes) / static_cast<double>(all);
    weight_term("checkpoint against shapes",
                std::llround(static_cast<double>(m_.checkpoint_bytes - all) * share), "measured",
                "the checkpoint has " + std::to_string(m_.checkpoint_bytes) +
                    " bytes, its shapes " + std::to_string(all) +
                    "; this device's share of the difference");
  }

  void compare_readings() {
    for (const WeightReading& reading : e_.readings) {
      if (!matches(reading, d_)) continue;
      const std::int64_t read = reading.weights_bytes + (d_.mtp_tokens > 0 ? reading.mtp_bytes : 0);
      if (read > r_.weights_bytes)
        weight_term("engine repacking", read - r_.weights_bytes, "measured",
                    "not explained by the shapes; the engine reported " + std::to_string(read) +
                        " bytes: " + reading.source);
    }
  }

  void add_overheads() {
    const auto& all = e_.overheads;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::int64_t bytes = overhead_bytes(all[i], d_, sizes_, options_);
      bool peak = bytes > 0;
      for (std::size_t j = 0; j < all.size() && peak; ++j) {
        if (j == i || all[j].name != all[i].name) continue;
        const std::int64_t other = overhead_bytes(all[j], d_, sizes_, options_);
        peak = other < bytes || (other == bytes && i < j);
      }
      if (!peak) continue;
      r_.terms.push_back({all[i].name, bytes, all[i].origin, all[i].source});
      (all[i].place == Overhead::Place::resident ? resident_
       : all[i].place == Overhead::Place::inside ? inside_
                                                 : outside_) += bytes;
    }
  }

  void apply_rule() {
    const auto total = static_cast<double>(r_.capacity_bytes);
    const auto weights = static_cast<double>(r_.weights_bytes);
    const double taken = weights + static_cast<double>(resident_ + inside_);
    double fraction = options_.memory_fraction > 0 ? options_.memory_fraction : e_.memory_fraction;
    if (fraction <= 0) fraction = derived_fraction(d_, sizes_);
    r_.memory_fraction = fraction;
    double pool = 0;
    switch (e_.memory_rule) {
    case MemoryRule::fraction_of_total:
      pool = fraction * total - taken;
      r_.budget_bytes = std::llround(fraction * total);
      smallest(taken, total, "weights and everything else / capacity");
      r_.rule = "pool = fraction x capacity - weights - everything else";
      break;
    case MemoryRule::fraction_of_free:
      pool = fraction * (total - taken);
      r_.budget_bytes = std::llround(taken + pool);
      r_.rule = "pool = fraction x (capacity - weights - everything else)";
      break;
    case MemoryRule::fraction_static_pool: {
      const double before = total - static_cast<double>(resident_);
      const double held = weights + static_cast<double>(inside_);
      pool = fraction * before - held;
      r_.budget_bytes = std::llround(fraction * before);
      smallest(held, before, "weights / (capacity - resident)");
      r_.rule = "pool = fraction x (capacity - resident) - weights; activations and graphs outside";
      break;
    }
    }
    r_.kv_pool_bytes = static_cast<std::int64_t>(std::floor(pool));
    r_.headroom_bytes = r_.capacity_bytes - r_.weights_bytes - resident_ - inside_ - outside_ -
                        std::max<std::int64_t>(r_.kv_pool_bytes, 0);
    r_.fits = r_.kv_pool_bytes > 0 && r_.headroom_bytes >= 0;
  }

  void smallest(double held, double whole, const char* formula) {
    r_.smallest_fraction = held / whole;
    r_.smallest_formula = std::string(formula) + " = " + std::to_string(std::llround(held)) +
                          " / " + std::to_string(std::llround(whole)) +
                          " bytes: no KV cache at all";
  }

  void count_tokens() {
    if (r_.kv_pool_bytes <= 0) return;
    const std::int64_t length =
        options_.sequence_tokens > 0 ? options_.sequence_tokens : std::max(m_.max_positions, 1);
    const std::int64_t sequence = std::max<std::int64_t>(stage_kv_bytes(d_, r_.stage, length), 1);
    if (kv_cost(d_).fixed_bytes == 0) {
      // Whole pages of the largest page size in use.
      const std::int64_t page = std::max({1, e_.kv_block_tokens, e_.mla_block_tokens});
      r_.kv_pool_tokens =
          r_.kv_pool_bytes / std::max<std::int64_t>(stage_kv_bytes(d_, r_.stage, page), 1) * page;
      r_.tokens_meaning = "whole pages x tokens a page";
    } else {
      r_.kv_pool_tokens =
          static_cast<std::int64_t>(static_cast<double>(r_.kv_pool_bytes) /
                                    static_cast<double>(sequence) * static_cast<double>(length));
      r_.tokens_meaning = "sequences of " + std::to_string(length) +
                          " tokens that fit x their length (layers with windows or states have no "
                          "rate per token)";
    }
    r_.kv_pool_tokens *= d_.parallel.dp;
    if (options_.sequence_tokens > 0) {
      r_.kv_bytes_per_sequence = sequence;
      r_.sequences = r_.kv_pool_bytes / sequence * d_.parallel.dp;
    }
  }

  void explain() {
    if (r_.kv_pool_bytes <= 0) {
      r_.binding = "weights and engine overhead leave no KV cache: " + r_.rule + " is " +
                   in_gib(r_.kv_pool_bytes) + " at fraction " + number_text(r_.memory_fraction) +
                   " of " + in_gib(r_.capacity_bytes);
      if (r_.smallest_fraction >= 1)
        r_.binding += "; no fraction holds them";
      else if (r_.smallest_fraction > 0)
        r_.binding += "; the smallest fraction that holds the weights is " +
                      fixed_text(r_.smallest_fraction, 4);
    } else if (!r_.fits) {
      r_.binding = "the fraction " + number_text(r_.memory_fraction) + " leaves " +
                   in_gib(r_.headroom_bytes + outside_) + " for activations and graphs that need " +
                   in_gib(outside_);
    } else {
      const auto largest = std::max_element(
          r_.terms.begin(), r_.terms.end(),
          [](const MemoryTerm& a, const MemoryTerm& b) { return a.bytes < b.bytes; });
      r_.binding = largest->name + " takes most: " + in_gib(largest->bytes) + " of " +
                   in_gib(r_.capacity_bytes);
    }
  }

  const Deployment& d_;
  const Model& m_;
  const Engine& e_;
  const MemoryOptions& options_;
  OverheadSizes sizes_{};
  MemoryReport r_;
  std::int64_t resident_ = 0;
  std::int64_t inside_ = 0;
  std::int64_t outside_ = 0;
};

} // namespace

MemoryReport memory(const Deployment& deployment, const ModelWeights& weights,
                    const MemoryOptions& options) {
  // The fullest device decides what the replica can do.
  MemoryReport worst = Stage(deployment, weights, options, 0).take();
  for (int stage = 1; stage < deployment.parallel.pp; ++stage) {
    MemoryReport r = Stage(deployment, weights, options, stage).take();
    if (std::pair(r.kv_pool_tokens, r.kv_pool_bytes) <
        std::pair(worst.kv_pool_tokens, worst.kv_pool_bytes))
      worst = std::move(r);
  }
  return worst;
}

MemoryReport memory(const Deployment& deployment, const MemoryOptions& options) {
  return memory(deployment, weights_of(*deployment.model), options);
}

} // namespace dsk::perf
