// Written by bindings/schema/generate.py from docs/schema. Do not edit.
#ifndef DSK_SCHEMA_MEMORY_ANSWER_HPP
#define DSK_SCHEMA_MEMORY_ANSWER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsk/document.hpp"

namespace dsk {
inline namespace api {

/// The model as it was understood.
struct MemoryAnswerModel {
  std::string name;
  std::string architecture;
  /// As the publisher counts them: without MTP layers and vision tower
  std::int64_t parameters = 0;
  /// That one token passes through
  std::int64_t active_parameters = 0;
  std::int64_t layers = 0;
  std::int64_t mtp_layers = 0;
  /// Whole checkpoint, MTP layers and vision tower included
  std::int64_t bytes_by_shapes = 0;
  std::optional<std::int64_t> published_parameters;
  /// By index or headers
  std::optional<std::int64_t> checkpoint_bytes;
  std::optional<std::string> source;
  std::optional<std::string> as_of;

  static MemoryAnswerModel from_value(const JsonValue& j) {
    MemoryAnswerModel out;
    detail::get(j, "name", out.name);
    detail::get(j, "architecture", out.architecture);
    detail::get(j, "parameters", out.parameters);
    detail::get(j, "active_parameters", out.active_parameters);
    detail::get(j, "layers", out.layers);
    detail::get(j, "mtp_layers", out.mtp_layers);
    detail::get(j, "bytes_by_shapes", out.bytes_by_shapes);
    detail::get(j, "published_parameters", out.published_parameters);
    detail::get(j, "checkpoint_bytes", out.checkpoint_bytes);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerDevice {
  std::string name;
  std::int64_t memory_bytes = 0;
  std::string memory_origin;
  std::string source;
  std::string as_of;

  static MemoryAnswerDevice from_value(const JsonValue& j) {
    MemoryAnswerDevice out;
    detail::get(j, "name", out.name);
    detail::get(j, "memory_bytes", out.memory_bytes);
    detail::get(j, "memory_origin", out.memory_origin);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerEngine {
  std::string name;
  std::string version;
  std::string source;
  std::string as_of;

  static MemoryAnswerEngine from_value(const JsonValue& j) {
    MemoryAnswerEngine out;
    detail::get(j, "name", out.name);
    detail::get(j, "version", out.version);
    detail::get(j, "source", out.source);
    detail::get(j, "as_of", out.as_of);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerParallel {
  std::int64_t tp = 0;
  std::int64_t pp = 0;
  std::int64_t dp = 0;
  std::int64_t ep = 0;
  std::int64_t devices = 0;

  static MemoryAnswerParallel from_value(const JsonValue& j) {
    MemoryAnswerParallel out;
    detail::get(j, "tp", out.tp);
    detail::get(j, "pp", out.pp);
    detail::get(j, "dp", out.dp);
    detail::get(j, "ep", out.ep);
    detail::get(j, "devices", out.devices);
    return out;
  }
};

/// At which the weights alone fit.
struct MemoryAnswerSmallestFraction {
  double value = 0;
  std::string formula;

  static MemoryAnswerSmallestFraction from_value(const JsonValue& j) {
    MemoryAnswerSmallestFraction out;
    detail::get(j, "value", out.value);
    detail::get(j, "formula", out.formula);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerTerm {
  std::string name;
  std::int64_t bytes = 0;
  std::string origin;
  std::string source;

  static MemoryAnswerTerm from_value(const JsonValue& j) {
    MemoryAnswerTerm out;
    detail::get(j, "name", out.name);
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "origin", out.origin);
    detail::get(j, "source", out.source);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerKvCacheLayer {
  std::int64_t layers = 0;
  std::optional<std::int64_t> entry_bytes;
  std::optional<std::int64_t> index_bytes;
  std::optional<std::int64_t> tokens_per_entry;
  std::optional<std::int64_t> window_tokens;
  std::optional<std::int64_t> window_entry_bytes;
  std::optional<std::int64_t> state_bytes;

  static MemoryAnswerKvCacheLayer from_value(const JsonValue& j) {
    MemoryAnswerKvCacheLayer out;
    detail::get(j, "layers", out.layers);
    detail::get(j, "entry_bytes", out.entry_bytes);
    detail::get(j, "index_bytes", out.index_bytes);
    detail::get(j, "tokens_per_entry", out.tokens_per_entry);
    detail::get(j, "window_tokens", out.window_tokens);
    detail::get(j, "window_entry_bytes", out.window_entry_bytes);
    detail::get(j, "state_bytes", out.state_bytes);
    return out;
  }
};

/// One sequence on one device.
struct MemoryAnswerKvCache {
  std::string type;
  double bytes_per_token = 0;
  std::int64_t window_bytes_per_sequence = 0;
  std::int64_t state_bytes_per_sequence = 0;
  std::vector<MemoryAnswerKvCacheLayer> layers;

  static MemoryAnswerKvCache from_value(const JsonValue& j) {
    MemoryAnswerKvCache out;
    detail::get(j, "type", out.type);
    detail::get(j, "bytes_per_token", out.bytes_per_token);
    detail::get(j, "window_bytes_per_sequence", out.window_bytes_per_sequence);
    detail::get(j, "state_bytes_per_sequence", out.state_bytes_per_sequence);
    detail::get(j, "layers", out.layers);
    return out;
  }
};

/// Of one device; tokens and sequences of one replica.
struct MemoryAnswerKvPool {
  /// Negative: so much is missing
  std::int64_t bytes = 0;
  std::optional<std::int64_t> tokens;
  std::optional<std::string> tokens_meaning;
  std::int64_t sequence_tokens = 0;
  /// At sequence_tokens, pages included
  std::int64_t bytes_per_sequence = 0;
  /// Of sequence_tokens at once
  std::int64_t sequences = 0;
  std::optional<std::int64_t> batch;
  std::optional<double> kv_gb;
  /// That batch sequences may have
  std::optional<std::int64_t> longest_sequence_tokens;
  /// The same without page padding
  std::optional<std::int64_t> longest_sequence_tokens_unpaged;

  static MemoryAnswerKvPool from_value(const JsonValue& j) {
    MemoryAnswerKvPool out;
    detail::get(j, "bytes", out.bytes);
    detail::get(j, "tokens", out.tokens);
    detail::get(j, "tokens_meaning", out.tokens_meaning);
    detail::get(j, "sequence_tokens", out.sequence_tokens);
    detail::get(j, "bytes_per_sequence", out.bytes_per_sequence);
    detail::get(j, "sequences", out.sequences);
    detail::get(j, "batch", out.batch);
    detail::get(j, "kv_gb", out.kv_gb);
    detail::get(j, "longest_sequence_tokens", out.longest_sequence_tokens);
    detail::get(j, "longest_sequence_tokens_unpaged", out.longest_sequence_tokens_unpaged);
    return out;
  }
};

/// A part of memory-answer documents.
struct MemoryAnswerFormat {
  std::string weights;
  std::int64_t weights_bytes = 0;
  std::int64_t kv_pool_bytes = 0;
  std::int64_t sequences = 0;
  bool fits = false;
  std::string needs;
  std::string note;

  static MemoryAnswerFormat from_value(const JsonValue& j) {
    MemoryAnswerFormat out;
    detail::get(j, "weights", out.weights);
    detail::get(j, "weights_bytes", out.weights_bytes);
    detail::get(j, "kv_pool_bytes", out.kv_pool_bytes);
    detail::get(j, "sequences", out.sequences);
    detail::get(j, "fits", out.fits);
    detail::get(j, "needs", out.needs);
    detail::get(j, "note", out.note);
    return out;
  }
};

/// The document of docs/schema/memory-answer.schema.json. Every byte of the fullest device of a
/// replica.
struct MemoryAnswer {
  std::int64_t schema = 1;
  /// The model as it was understood
  MemoryAnswerModel model;
  MemoryAnswerDevice device;
  MemoryAnswerEngine engine;
  MemoryAnswerParallel parallel;
  /// Format of the projections
  std::string weights;
  bool fits = false;
  /// The largest term, or why it does not fit
  std::string binding;
  /// The engine's budget rule
  std::string rule;
  /// In force
  double memory_fraction = 0;
  /// At which the weights alone fit
  std::optional<MemoryAnswerSmallestFraction> smallest_fraction;
  /// Of the fullest device
  std::int64_t pipeline_stage = 0;
  std::int64_t capacity_bytes = 0;
  /// What the rule gives to weights, KV cache and what counts against it
  std::int64_t budget_bytes = 0;
  std::int64_t weights_bytes = 0;
  /// With the pool and the headroom they add up to the capacity
  std::vector<MemoryAnswerTerm> terms;
  /// Left outside the engine's budget
  std::int64_t headroom_bytes = 0;
  /// One sequence on one device
  MemoryAnswerKvCache kv_cache;
  /// Of one device; tokens and sequences of one replica
  MemoryAnswerKvPool kv_pool;
  /// The same deployment with other weights
  std::vector<MemoryAnswerFormat> formats;
  std::vector<std::string> assumptions;
  std::vector<std::string> warnings;

  static MemoryAnswer from_value(const JsonValue& j) {
    MemoryAnswer out;
    detail::get(j, "schema", out.schema);
    detail::get(j, "model", out.model);
    detail::get(j, "device", out.device);
    detail::get(j, "engine", out.engine);
    detail::get(j, "parallel", out.parallel);
    detail::get(j, "weights", out.weights);
    detail::get(j, "fits", out.fits);
    detail::get(j, "binding", out.binding);
    detail::get(j, "rule", out.rule);
    detail::get(j, "memory_fraction", out.memory_fraction);
    detail::get(j, "smallest_fraction", out.smallest_fraction);
    detail::get(j, "pipeline_stage", out.pipeline_stage);
    detail::get(j, "capacity_bytes", out.capacity_bytes);
    detail::get(j, "budget_bytes", out.budget_bytes);
    detail::get(j, "weights_bytes", out.weights_bytes);
    detail::get(j, "terms", out.terms);
    detail::get(j, "headroom_bytes", out.headroom_bytes);
    detail::get(j, "kv_cache", out.kv_cache);
    detail::get(j, "kv_pool", out.kv_pool);
    detail::get(j, "formats", out.formats);
    detail::get(j, "assumptions", out.assumptions);
    detail::get(j, "warnings", out.warnings);
    return out;
  }
  static MemoryAnswer from_json(std::string_view text) {
    return from_value(JsonValue::parse(text));
  }
};

} // namespace api
} // namespace dsk

#endif // DSK_SCHEMA_MEMORY_ANSWER_HPP
