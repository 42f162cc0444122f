#include "load/statistics.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "load/journal.hpp"

namespace dsk::load {

void Statistics::add(const Record& r, const Slo& slo, std::uint64_t warmup_requests) {
  if (r.index < warmup_requests) {
    ++warmup;
    return;
  }
  if (r.outcome != Outcome::completed) {
    ++failures[outcome_name(r.outcome)];
    return;
  }
  const auto ms = [](std::uint64_t ns) { return 1e-6 * static_cast<double>(ns); };
  ++completed;
  input_tokens += r.input_tokens;
  output_tokens += r.output_tokens;
  counted_by_server += r.counted_by_server ? 1 : 0;
  delay_ms.add(ms(r.delay_ns));
  e2e_ms.add(ms(r.e2e_ns));
  ttft_ms.add(ms(r.ttft_ns));
  double tpot = 0;
  if (r.output_tokens > 1) {
    tpot = ms(r.decode_ns) / static_cast<double>(r.output_tokens - 1);
    tpot_ms.add(tpot);
  }
  for (const std::uint32_t gap : r.gaps_us)
    gap_ms.add(1e-3 * gap);
  const auto within = [](double value, const std::optional<double>& bound) {
    return !bound || value <= *bound;
  };
  good += within(ms(r.ttft_ns), slo.ttft_ms) && within(tpot, slo.tpot_ms) &&
          within(ms(r.e2e_ns), slo.e2e_ms);
}

void Statistics::merge(const Statistics& other) {
  completed += other.completed;
  good += other.good;
  warmup += other.warmup;
  input_tokens += other.input_tokens;
  output_tokens += other.output_tokens;
  counted_by_server += other.counted_by_server;
  for (const auto& [name, count] : other.failures)
    failures[name] += count;
  ttft_ms.merge(other.ttft_ms);
  tpot_ms.merge(other.tpot_ms);
  gap_ms.merge(other.gap_ms);
  e2e_ms.merge(other.e2e_ms);
  delay_ms.merge(other.delay_ms);
}

std::uint64_t Statistics::failed() const {
  std::uint64_t out = 0;
  for (const auto& [name, count] : failures)
    out += count;
  return out;
}

Report report_from_journal(const std::string& path) {
  Report out;
  // The bounds and the warm-up stand in the header, which comes first; records follow.
  const std::string request = read_journal(path, [](const Record&) {}).request;
  const Json document = json::parse(request, "request of the journal");
  const Slo slo = read_slo(document);
  const auto warmup =
      static_cast<std::uint64_t>(Reader(document, "")
                                     .object("workload")
                                     .integer("warmup_requests", 0, std::int64_t{1} << 53, 0));
  std::uint64_t finished = 0;
  const JournalSummary summary = read_journal(path, [&](const Record& record) {
    ++finished;
    out.statistics.add(record, slo, warmup);
  });
  out.facts.request = document;
  out.facts.ended = "journal";
  out.facts.began_at_unix_s = summary.began_at_unix_s;
  out.facts.duration_s = 1e-9 * static_cast<double>(summary.last_ns);
  out.facts.sent = summary.started;
  out.facts.interrupted = summary.started - finished;
  out.facts.resumed = summary.resumed;
  return out;
}

Report merged(const std::vector<Report>& reports) {
  if (reports.empty()) throw Error(DSK_STATUS_INVALID_ARGUMENT, "there is no report to merge");
  Report out = reports.front();
  for (std::size_t i = 1; i < reports.size(); ++i) {
    const Report& r = reports[i];
    RunFacts& f = out.facts;
    out.statistics.merge(r.statistics);
    if (f.request != r.facts.request) f.request = nullptr;
    if (f.library != r.facts.library) f.library += ", " + r.facts.library;
    if (f.ended != r.facts.ended) f.ended += ", " + r.facts.ended;
    f.began_at_unix_s = std::min(f.began_at_unix_s, r.facts.began_at_unix_s);
    f.duration_s = std::max(f.duration_s, r.facts.duration_s);
    f.sent += r.facts.sent;
    f.interrupted += r.facts.interrupted;
    f.resumed += r.facts.resumed;
    f.machines += r.facts.machines;
    f.max_in_flight += r.facts.max_in_flight;
    if (!r.facts.journal_failure.empty()) f.journal_failure = r.facts.journal_failure;
  }
  return out;
}

} // namespace dsk::load
