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

std::int64_t sum(const Components& parts) {
  std::int64_t total = 0;
  for (const std::int64_t part : parts)
    total += part;
  return total;
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

struct Sizes {
  double tokens;
  double slots;
  double intermediate;
};

std::int64_t overhead_bytes(const Overhead& o, const Deployment& d, const Sizes& s,
                            const MemoryOptions& options) {
  if (o.graphs && !options.cuda_graphs) return 0;
  const Model& m = *d.model;
  double bytes = o.bytes + (d.parallel.devices() > 1 ? o.bytes_multi : 0);
  bytes += s.tokens * (o.per_token_hidden * m.hidden + o.per_token_intermediate * s.intermediate);
  bytes += s.slots * (o.per_slot + o.per_slot_vocab * m.vocab);
  return std::llround(bytes);
}

bool matches(const WeightReading& reading, const Deployment& d) {
  return reading.architecture == d.model->architecture && reading.hidden == d.model->hidden &&
         reading.layers == d.model->layers() && reading.device_family == d.device->family &&
         d.parallel == Parallel{reading.tp, 1, 1, 1};
}

// SGLang's own default (server_args.py, "mem_fraction_static"): what it leaves outside grows with
// the prefill chunk, the captured batches and the number of devices; at least 10 GiB on large ones.
double derived_fraction(const Deployment& d, const Sizes& s) {
  const double mib = 1048576.0;
  const double capacity = static_cast<double>(d.device->memory_bytes) / mib;
  double reserved = 512 + 1.5 * s.tokens + 2 * std::min(s.slots, 512.0) +
                    d.parallel.tp * d.parallel.pp / 8.0 * 1024;
  if (capacity > 60 * 1024) reserved = std::max(reserved, 10.0 * 1024);
  return std::max(0.0, std::round((capacity - reserved) / capacity * 1000) / 1000);
}

// Rank-r pairs A[r, in] and B[out, r] for every product of attention and MLP, split as vLLM splits
// them: the side that the projection splits is split, the other is whole.
std::int64_t lora_bytes(const std::vector<Matrix>& list, const Parallel& p, int rank,
                        int adapters) {
  std::int64_t total = 0;
  for (const Matrix& m : list) {
    if (!m.product || m.component == Component::router) continue;
    const LocalShape s = local_shape(m, p);
    total += s.copies * (s.in + s.out) * rank * 2;
  }
  return total * adapters;
}

} // namespace

Components stage_weights(const Deployment& d, const ModelWeights& w, int stage) {
  Components out{};
  const Model& m = *d.model;
  const Parallel& p = d.parallel;
  const auto split = pipeline_layers(m.layers(), p.pp);
  std::size_t begin = 0;
  for (int s = 0; s < stage; ++s)
    begin += static_cast<std::size_t>(split[static_cast<std::size_t>(s)]);
  const std::size_t end = begin + static_cast<std::size_t>(split[static_cast<std::size_t>(stage)]);
  std::vector<std::int64_t> layers(m.kinds.size(), 0);
  for (std::size_t i = begin; i < end; ++i)
    ++layers[static_cast<std::size_t>(m.layer_kinds[i])];
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

MemoryReport memory(const Deployment& d, const ModelWeights& w, const MemoryOptions& options) {
  const Model& m = *d.model;
  const Engine& e = *d.engine;
  Sizes sizes{};
  sizes.tokens = options.token_budget > 0 ? options.token_budget : e.token_budget;
  sizes.slots = options.max_batch > 0 ? options.max_batch : e.max_sequences;
  sizes.intermediate = token_intermediate(m, d.parallel);

  MemoryReport worst;
  bool first = true;
  for (int stage = 0; stage < d.parallel.pp; ++stage) {
    MemoryReport r;
    r.stage = stage;
    r.capacity_bytes = d.device->memory_bytes;
    const Components parts = stage_weights(d, w, stage);
    r.weights_bytes = sum(parts);
    for (int c = 0; c < component_count; ++c)
      if (const std::int64_t bytes = parts[static_cast<std::size_t>(c)]; bytes > 0)
        r.terms.push_back({std::string("weights/") + component_name(static_cast<Component>(c)),
                           bytes, "shapes", "shapes of config.json in the stored formats"});
    const auto weight_term = [&](const std::string& name, std::int64_t bytes,
                                 const std::string& source) {
      if (bytes <= 0) return;
      r.weights_bytes += bytes;
      r.terms.push_back({"weights/" + name, bytes, "shapes", source});
    };
    const auto split = pipeline_layers(m.layers(), d.parallel.pp);
    std::size_t begin = 0;
    for (int s = 0; s < stage; ++s)
      begin += static_cast<std::size_t>(split[static_cast<std::size_t>(s)]);
    std::int64_t absorbed = 0;
    std::int64_t adapters = 0;
    for (int i = 0; i < split[static_cast<std::size_t>(stage)]; ++i) {
      const auto kind =
          static_cast<std::size_t>(m.layer_kinds[begin + static_cast<std::size_t>(i)]);
      if (e.materialises_kv_b)
        for (const Matrix& matrix : w.kinds[kind])
          if (std::string_view(matrix.name) == "kv_b_proj") {
            const LocalShape s = local_shape(matrix, d.parallel);
            absorbed += 2 * s.out * s.in;
          }
      if (options.lora_adapters > 0)
        adapters += lora_bytes(w.kinds[kind], d.parallel, options.lora_rank, options.lora_adapters);
    }
    weight_term("absorbed kv_b copy", absorbed,
                "kv_b_proj split into key and value parts in bf16 beside the stored one");
    weight_term("lora adapters", adapters,
                "2 bytes x rank x (in + out) of every attention and MLP projection");

    if (m.checkpoint_bytes > 0) {
      const std::int64_t all = whole_bytes(m, w);
      const auto share = static_cast<double>(r.weights_bytes) / static_cast<double>(all);
      const std::int64_t difference =
          std::llround(static_cast<double>(m.checkpoint_bytes - all) * share);
      if (difference != 0) {
        r.weights_bytes += difference;
        r.terms.push_back({"weights/checkpoint against shapes", difference, "measured",
                           "the checkpoint has " + std::to_string(m.checkpoint_bytes) +
                               " bytes, its shapes " + std::to_string(all) +
                               "; this device's share of the difference"});
      }
    }
    for (const WeightReading& reading : e.readings)
      if (matches(reading, d)) {
        const std::int64_t read =
            reading.weights_bytes + (d.mtp_tokens > 0 ? reading.mtp_bytes : 0);
        if (read <= r.weights_bytes) continue;
        r.terms.push_back({"weights/engine repacking", read - r.weights_bytes, "measured",
                           "not explained by the shapes; the engine reported " +
                               std::to_string(read) + " bytes: " + reading.source});
        r.weights_bytes = read;
      }

    std::int64_t resident = 0;
    std::int64_t inside = 0;
    std::int64_t outside = 0;
    for (const Overhead& o : e.overheads) {
      const std::int64_t bytes = overhead_bytes(o, d, sizes, options);
      const bool peak = std::all_of(e.overheads.begin(), e.overheads.end(), [&](const Overhead& x) {
        if (&x == &o || x.name != o.name) return true;
        const std::int64_t other = overhead_bytes(x, d, sizes, options);
        return other < bytes || (other == bytes && &x > &o);
      });
      if (bytes <= 0 || !peak) continue;
      r.terms.push_back({o.name, bytes, o.origin, o.source});
      (o.place == Overhead::Place::resident ? resident
       : o.place == Overhead::Place::inside ? inside
                                            : outside) += bytes;
    }

    const double total = static_cast<double>(r.capacity_bytes);
    const auto weights = static_cast<double>(r.weights_bytes);
    double fraction = options.memory_fraction > 0 ? options.memory_fraction : e.memory_fraction;
    if (fraction <= 0) fraction = derived_fraction(d, sizes);
    r.memory_fraction = fraction;
    double pool = 0;
    switch (e.memory_rule) {
    case MemoryRule::fraction_of_total: {
      const double taken = weights + static_cast<double>(resident + inside);
      r.budget_bytes = std::llround(fraction * total);
      pool = fraction * total - taken;
      r.smallest_fraction = taken / total;
      r.rule = "pool = fraction x capacity - weights - everything else";
      break;
    }
    case MemoryRule::fraction_of_free: {
      const double taken = weights + static_cast<double>(resident + inside);
      const double free = total - taken;
      r.budget_bytes = std::llround(taken + fraction * free);
      pool = fraction * free;
      r.smallest_fraction = 0;
      r.rule = "pool = fraction x (capacity - weights - everything else)";
      break;
    }
    case MemoryRule::fraction_static_pool: {
      const double before = total - static_cast<double>(resident);
      r.budget_bytes = std::llround(fraction * before);
      pool = fraction * before - weights - static_cast<double>(inside);
      r.smallest_fraction = (weights + static_cast<double>(inside)) / before;
      r.rule = "pool = fraction x (capacity - resident) - weights; activations and graphs outside";
      break;
    }
    }
    if (r.smallest_fraction > 0) {
      const bool pool_rule = e.memory_rule == MemoryRule::fraction_static_pool;
      r.smallest_formula =
          std::string("weights") + (inside > 0 ? " and engine overhead" : "") + " / " +
          (pool_rule ? "(capacity - resident)" : "capacity") + " = " +
          std::to_string(std::llround(
              r.smallest_fraction * (pool_rule ? total - static_cast<double>(resident) : total))) +
          " / " +
          std::to_string(std::llround(pool_rule ? total - static_cast<double>(resident) : total)) +
          " bytes: no KV cache at all";
    }
    r.kv_pool_bytes = static_cast<std::int64_t>(std::floor(pool));
    r.headroom_bytes = r.capacity_bytes - r.weights_bytes - resident - inside - outside -
                       std::max<std::int64_t>(r.kv_pool_bytes, 0);
    const bool pool_fits = r.kv_pool_bytes > 0;
    r.fits = pool_fits && r.headroom_bytes >= 0;

    const KvCost cost = kv_cost(d);
    const bool uniform = cost.fixed_bytes == 0;
    const std::int64_t length =
        options.sequence_tokens > 0 ? options.sequence_tokens : std::max(m.max_positions, 1);
    if (pool_fits) {
      const std::int64_t sequence = std::max<std::int64_t>(stage_kv_bytes(d, stage, length), 1);
      if (uniform) {
        // Whole pages of the largest page size in use.
        const std::int64_t page = std::max(1, std::max(e.kv_block_tokens, e.mla_block_tokens));
        const std::int64_t page_bytes = std::max<std::int64_t>(stage_kv_bytes(d, stage, page), 1);
        r.kv_pool_tokens = r.kv_pool_bytes / page_bytes * page;
        r.tokens_meaning = "whole pages x tokens a page";
      } else {
        r.kv_pool_tokens =
            static_cast<std::int64_t>(static_cast<double>(r.kv_pool_bytes) /
                                      static_cast<double>(sequence) * static_cast<double>(length));
        r.tokens_meaning = "sequences of " + std::to_string(length) +
                           " tokens that fit x their length (layers with windows or states have no "
                           "rate per token)";
      }
      r.kv_pool_tokens *= d.parallel.dp;
      if (options.sequence_tokens > 0) {
        r.kv_bytes_per_sequence = sequence;
        r.sequences = r.kv_pool_bytes / sequence * d.parallel.dp;
      }
    }

    const auto largest = std::max_element(
        r.terms.begin(), r.terms.end(),
        [](const MemoryTerm& a, const MemoryTerm& b) { return a.bytes < b.bytes; });
    const auto in_gib = [](std::int64_t bytes) {
      return fixed_text(static_cast<double>(bytes) / gib, 2) + " GiB";
    };
    if (!pool_fits) {
      r.binding = "weights and engine overhead leave no KV cache: " + r.rule + " is " +
                  in_gib(r.kv_pool_bytes) + " at fraction " + number_text(fraction) + " of " +
                  in_gib(r.capacity_bytes);
      if (r.smallest_fraction > 0 && r.smallest_fraction < 1)
        r.binding += "; the smallest fraction that holds the weights is " +
                     fixed_text(r.smallest_fraction, 4);
      else if (r.smallest_fraction >= 1)
        r.binding += "; no fraction holds them";
    } else if (!r.fits) {
      r.binding = "the fraction " + number_text(fraction) + " leaves " +
                  in_gib(r.headroom_bytes + outside) + " for activations and graphs that need " +
                  in_gib(outside);
    } else if (largest != r.terms.end()) {
      r.binding = largest->name + " takes most: " + in_gib(largest->bytes) + " of " +
                  in_gib(r.capacity_bytes);
    }
    // The fullest device decides what the replica can do.
    if (first || r.kv_pool_tokens < worst.kv_pool_tokens ||
        (r.kv_pool_tokens == worst.kv_pool_tokens && r.kv_pool_bytes < worst.kv_pool_bytes)) {
      worst = std::move(r);
      first = false;
    }
  }
  return worst;
}

MemoryReport memory(const Deployment& deployment, const MemoryOptions& options) {
  return memory(deployment, weights_of(*deployment.model), options);
}

} // namespace dsk::perf
