#include <array>
#include <cmath>

#include "base/error.hpp"
#include "catalog/documents.hpp"

namespace dsk {
namespace {

constexpr std::array<std::pair<const char*, EngineKind>, 5> kinds{{
    {"vllm", EngineKind::vllm},
    {"sglang", EngineKind::sglang},
    {"tensorrt-llm", EngineKind::tensorrt_llm},
    {"lmdeploy", EngineKind::lmdeploy},
    {"generic", EngineKind::generic},
}};

constexpr std::array<std::pair<const char*, MemoryRule>, 3> rules{{
    {"fraction_of_total", MemoryRule::fraction_of_total},
    {"fraction_of_free", MemoryRule::fraction_of_free},
    {"fraction_static_pool", MemoryRule::fraction_static_pool},
}};

constexpr std::array<std::pair<const char*, Overhead::Place>, 3> places{{
    {"resident", Overhead::Place::resident},
    {"inside", Overhead::Place::inside},
    {"outside", Overhead::Place::outside},
}};

template <typename Table> auto choice(Reader& reader, const char* member, const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : table)
    names.emplace_back(name);
  const std::string chosen = reader.choice(member, names);
  for (const auto& [name, value] : table)
    if (chosen == name) return value;
  return table[0].second;
}

Overhead read_overhead(const Json& value, const std::string& path) {
  Reader r(value, path);
  Overhead o;
  o.name = r.text("name", 64);
  o.place = choice(r, "place", places);
  o.bytes = r.number("mib", 0, 1e6, 0) * mib;
  o.bytes_multi = r.number("mib_multi_device", 0, 1e6, 0) * mib;
  o.per_token_hidden = r.number("bytes_per_token_hidden", 0, 1e4, 0);
  o.per_token_intermediate = r.number("bytes_per_token_intermediate", 0, 1e4, 0);
  o.per_slot = r.number("mib_per_slot", 0, 1e4, 0) * mib;
  o.per_slot_vocab = r.number("bytes_per_slot_vocab", 0, 1e4, 0);
  o.per_slot_vocab_shard = r.number("bytes_per_slot_vocab_shard", 0, 1e4, 0);
  o.graphs = r.boolean("cuda_graphs", false);
  o.origin = r.choice("origin", {"measured", "fitted", "assumed", "derived"});
  o.source = r.text("source", 512);
  r.done();
  return o;
}

WeightReading read_reading(const Json& value, const std::string& path) {
  Reader r(value, path);
  WeightReading w;
  w.architecture = r.text("architecture", 128);
  w.hidden = static_cast<int>(r.integer("hidden", 1, 1 << 20));
  w.layers = static_cast<int>(r.integer("layers", 1, 4096));
  w.device_family = r.text("device_family", 64);
  w.method = r.text("method", 64);
  w.tp = static_cast<int>(r.integer("tp", 1, 1024));
  w.weights_bytes = std::llround(r.number("weights_gib", 0.001, 1e5) * 1024 * mib);
  w.mtp_bytes = std::llround(r.number("mtp_gib", 0, 1e5, 0) * 1024 * mib);
  w.source = r.text("source", 512);
  r.done();
  return w;
}

StartLimits read_limits(Reader& r) {
  StartLimits limits;
  limits.max_sequences = static_cast<int>(r.integer("max_sequences", 1, 1 << 20));
  limits.token_budget = static_cast<int>(r.integer("token_budget", 1, 1 << 24));
  return limits;
}

} // namespace

Engine engine_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  const RecordHead head = read_head(reader, "engine");
  Engine e;
  e.name = head.name;
  e.version = reader.text("version", 32);
  e.source = head.source;
  e.as_of = head.as_of;
  // Whose scheduler and kernels it has: the start command and the step overheads follow.
  e.kind = choice(reader, "family", kinds);

  Reader memory = reader.object("memory");
  e.memory_rule = choice(memory, "rule", rules);
  // Absent: derived from the device and the limits, as SGLang does.
  e.memory_fraction = memory.number("fraction", 0.01, 1, 0);
  if (e.memory_fraction == 0 && e.memory_rule != MemoryRule::fraction_static_pool)
    memory.fail("fraction", "must be given: only the rule fraction_static_pool derives it");
  e.kv_block_tokens = static_cast<int>(memory.integer("kv_block_tokens", 1, 65536));
  e.mla_block_tokens =
      static_cast<int>(memory.integer("mla_block_tokens", 1, 65536, e.kv_block_tokens));
  e.compressed_block_tokens =
      static_cast<int>(memory.integer("compressed_block_tokens", 1, 65536, e.mla_block_tokens));
  e.compressed_page_alignment =
      static_cast<int>(memory.integer("compressed_page_alignment", 1, 65536, 1));
  e.materialises_kv_b = memory.boolean("absorbed_kv_b_copy", false);
  for (std::size_t i = 0; const Json* item : memory.array("overheads", 64))
    e.overheads.push_back(read_overhead(*item, json::pointer(memory.path_of("overheads"), i++)));
  for (std::size_t i = 0; const Json* item : memory.array("weight_readings", 64))
    e.readings.push_back(
        read_reading(*item, json::pointer(memory.path_of("weight_readings"), i++)));
  memory.done();

  Reader limits = reader.object("limits");
  e.limits = read_limits(limits);
  if (auto small = limits.optional_object("small_devices")) {
    e.small_limits = read_limits(*small);
    e.small_below_bytes = small->number("below_gib", 0, 1e4, 0) * 1024 * mib;
    e.small_devices = small->texts("devices", 64);
    small->done();
  }
  limits.done();

  if (auto scheduling = reader.optional_object("scheduling")) {
    e.prefill_first = scheduling->boolean("prefill_first", false);
    e.request_overhead_ms = scheduling->number("request_overhead_ms", 0, 1e4, 0);
    e.first_token_steps = scheduling->number("first_token_steps", 0, 1e3, 1);
    e.reserve_output = scheduling->number("reserve_output", 0, 1, 0);
    e.request_serial_ms = scheduling->number("request_serial_ms", 0, 1e4, 0);
    e.watermark = scheduling->number("watermark", 0, 0.5, 0);
    e.poll_steps = static_cast<int>(scheduling->integer("poll_steps", 1, 1000, 1));
    e.lag_steps = static_cast<int>(scheduling->integer("lag_steps", 0, 1, 0));
    e.step_tokens = static_cast<int>(scheduling->integer("step_tokens", 0, 1 << 24, 0));
    e.max_prompts = static_cast<int>(scheduling->integer("max_prompts", 0, 65536, 0));
    e.mixed_tile_rows = static_cast<int>(scheduling->integer("mixed_tile_rows", 0, 1024, 0));
    e.prefill_layer_us = scheduling->number("prefill_layer_us", 0, 1e4, 0);
    e.prefill_moe_layer_us = scheduling->number("prefill_moe_layer_us", 0, 1e4, 0);
    e.prefill_moe_floor_us = scheduling->number("prefill_moe_floor_us", 0, 1e5, 0);
    e.stream_tokens_per_s = scheduling->number("stream_tokens_per_s", 0, 1e9, 0);
    e.prefix_cache = scheduling->boolean("prefix_cache", false);
    for (const std::int64_t size : scheduling->integers("graph_sizes", 1, 65536, 1024)) {
      if (!e.graph_sizes.empty() && size <= e.graph_sizes.back())
        scheduling->fail("graph_sizes", "must be ascending");
      e.graph_sizes.push_back(static_cast<int>(size));
    }
    scheduling->text("source", "", 1024);
    scheduling->done();
  }
  reader.text("note", "", 1024);
  reader.done();
  return e;
}

} // namespace dsk
