// What a run amounts to: sums and histograms over its records, mergeable over machines, and the
// reports made of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/histogram.hpp"
#include "load/record.hpp"
#include "load/request.hpp"

namespace dsk::load {

/// Latencies in milliseconds. All but the gaps begin at the scheduled time of a request, so that a
/// generator or a server that falls behind does not hide it (coordinated omission).
struct Statistics {
  std::uint64_t completed = 0;
  std::uint64_t good = 0;         // completed within every bound of the SLO
  std::uint64_t warmup = 0;       // completed or failed, before the report begins
  std::uint64_t input_tokens = 0; // of completed requests
  std::uint64_t output_tokens = 0;
  std::uint64_t counted_by_server = 0; // completed requests whose tokens the server counted
  std::map<std::string, std::uint64_t> failures;
  Histogram ttft_ms, tpot_ms, gap_ms, e2e_ms, delay_ms;

  void add(const Record& record, const Slo& slo, std::uint64_t warmup_requests);
  void merge(const Statistics& other);
  std::uint64_t failed() const;
};

/// Beside the statistics: how the run went.
struct RunFacts {
  Json request;        // document; null when merged from different ones
  std::string library; // of the transport
  std::string ended;   // "complete", "duration", "cancelled", "journal"
  double began_at_unix_s = 0;
  double duration_s = 0;
  std::uint64_t sent = 0; // warm-up included
  std::uint64_t interrupted = 0;
  std::uint64_t resumed = 0;
  std::uint64_t machines = 1;
  std::uint64_t max_in_flight = 0;
  std::string journal_failure;
};

struct Report {
  RunFacts facts;
  Statistics statistics;
};

/// The product's document; it holds the histograms, so that reports merge.
Json document_of(const Report& report);
Report report_from_document(const Json& document, const std::string& path);
/// The report of a journal, recomputed from its records.
Report report_from_journal(const std::string& path);
/// Of machines that ran together: rates add up over the longest duration.
Report merged(const std::vector<Report>& reports);

/// Field names and units of the result file of `vllm bench serve`.
Json vllm_document(const Report& report);
std::string report_table(const Report& report);

} // namespace dsk::load
