// Recorded requests: arrival time, prompt and answer lengths, and for some formats prefix blocks or
// what the server measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsk::workload {

struct TraceRow {
  double at_s = 0; // from the first row
  std::int32_t input = 0;
  std::int32_t output = 0;
  std::uint32_t first_block = 0; // in Trace::blocks
  std::uint32_t blocks = 0;
};

/// What a request log measured, from the moment at which the request reached the engine's queue.
struct MeasuredRow {
  double queue_ms = 0; // until it was scheduled
  double ttft_ms = 0;
  double e2e_ms = 0;
};

struct Trace {
  std::vector<TraceRow> rows; // ascending in at_s
  std::vector<std::uint64_t> blocks;
  std::int32_t block_tokens = 0;
  std::vector<MeasuredRow> measured; // as many as rows, or none
};

enum class TraceFormat {
  azure,       // CSV: TIMESTAMP,ContextTokens,GeneratedTokens
  mooncake,    // JSONL: timestamp (ms), input_length, output_length, hash_ids of 512 tokens
  request_log, // JSONL: input_toks, output_toks, queued_ts, scheduled_ts, first_token_ts, ...
  plain        // CSV: arrival_s,input_tokens,output_tokens
};

inline constexpr std::size_t max_trace_rows = 20'000'000;

/// "azure", "mooncake", "request-log" or "csv"; throws INVALID_REQUEST at `path`.
TraceFormat trace_format(const std::string& name, const std::string& path);

/// Throws INVALID_REQUEST at `path`, with the line, for a row that is cut, not in order of time,
/// before time 0 or outside 1 to 10 M tokens, and for more than max_trace_rows rows.
Trace read_trace(std::string_view text, TraceFormat format, const std::string& path);

} // namespace dsk::workload
