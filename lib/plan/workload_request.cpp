#include "plan/workload_request.hpp"

#include <cmath>

#include "base/error.hpp"

namespace dsk::plan {
namespace {

using workload::ArrivalSpec;
using workload::Lengths;

constexpr double most_tokens = static_cast<double>(workload::max_tokens);

void read_arrivals(Reader r, workload::WorkloadSpec& spec) {
  ArrivalSpec& a = spec.arrivals;
  const std::string process =
      r.choice("process", {"constant", "poisson", "gamma", "on_off", "daily", "burst"}, "poisson");
  using P = ArrivalSpec::Process;
  a.process = process == "constant" ? P::constant
              : process == "gamma"  ? P::gamma
              : process == "on_off" ? P::on_off
              : process == "daily"  ? P::daily
              : process == "burst"  ? P::burst
                                    : P::poisson;
  if (a.process != P::burst) a.rate_per_s = r.number("rate_per_s", 1e-6, 1e6);
  if (a.process == P::gamma) a.cv = r.number("cv", 0.01, 20, 1);
  if (a.process == P::on_off) {
    a.on_s = r.number("on_s", 1e-3, 1e7, a.on_s);
    a.off_s = r.number("off_s", 0, 1e7, a.off_s);
  }
  if (a.process == P::daily) {
    a.day_s = r.number("day_s", 1, 1e8, a.day_s);
    a.peak = r.number("peak", 1, 2, a.peak);
  }
  r.done();
}

void read_trace_member(Reader r, workload::WorkloadSpec& spec) {
  workload::Trace trace;
  spec.trace_speed = r.number("speed", 1e-6, 1e6, 1);
  if (r.has("requests")) {
    const auto rows = r.array("requests", workload::max_trace_rows);
    if (rows.empty()) r.fail("requests", "must hold at least one request");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string at = json::pointer(r.path_of("requests"), i);
      const Json& row = *rows[i];
      if (!row.is_array() || row.size() != 3)
        invalid_request(at, "must be [arrival_s, input_tokens, output_tokens]");
      workload::TraceRow t;
      t.at_s = number_of(row[0], json::pointer(at, std::size_t{0}), 0, 1e12);
      t.input = static_cast<std::int32_t>(
          integer_of(row[1], json::pointer(at, std::size_t{1}), 1, workload::max_tokens));
      t.output = static_cast<std::int32_t>(
          integer_of(row[2], json::pointer(at, std::size_t{2}), 1, workload::max_tokens));
      if (!trace.rows.empty() && t.at_s < trace.rows.back().at_s)
        invalid_request(
            at, "arrives before the request ahead of it: the list must be in order of time");
      trace.rows.push_back(t);
    }
  } else {
    const auto format = workload::trace_format(r.text("format"), r.path_of("format"));
    const Json& text = r.require("text");
    trace = workload::read_trace(text_of(text, r.path_of("text"), json::max_bytes), format,
                                 r.path_of("text"));
  }
  r.done();
  spec.trace = std::make_shared<const workload::Trace>(std::move(trace));
}

} // namespace

Lengths read_lengths(const Json& value, const std::string& path) {
  if (value.is_number()) return Lengths::fixed(number_of(value, path, 1, most_tokens));
  Reader r(value, path);
  if (const Json* uniform = r.find("uniform")) {
    const std::string at = r.path_of("uniform");
    if (!uniform->is_array() || uniform->size() != 2) r.fail("uniform", "must be [low, high]");
    const double low = number_of((*uniform)[0], json::pointer(at, std::size_t{0}), 1, most_tokens);
    const double high =
        number_of((*uniform)[1], json::pointer(at, std::size_t{1}), low, most_tokens);
    r.done();
    return Lengths::uniform(low, high);
  }
  if (auto lognormal = r.optional_object("lognormal")) {
    const double mean = lognormal->number("mean", 1, most_tokens);
    const double deviation = lognormal->number("std", 1e-3, most_tokens);
    const double low = lognormal->number("min", 1, most_tokens, 1);
    const double high = lognormal->number("max", low, most_tokens, most_tokens);
    lognormal->done();
    r.done();
    return Lengths::lognormal(mean, deviation, low, high);
  }
  if (r.has("quantiles")) {
    std::vector<LengthFacts::Quantile> points;
    const auto items = r.array("quantiles", 4096);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string at = json::pointer(r.path_of("quantiles"), i);
      if (!items[i]->is_array() || items[i]->size() != 2)
        invalid_request(at, "must be [probability, tokens]");
      points.push_back(
          {number_of((*items[i])[0], at, 0, 1), number_of((*items[i])[1], at, 1, most_tokens)});
      if (i > 0 && (points[i].probability <= points[i - 1].probability ||
                    points[i].tokens < points[i - 1].tokens))
        invalid_request(at, "must lie above the point ahead of it");
    }
    if (points.size() < 2 || points.back().probability < 1)
      r.fail("quantiles", "must hold at least two points, the last with probability 1");
    r.done();
    return Lengths::quantiles(std::move(points));
  }
  std::vector<double> values;
  const auto items = r.array("values", 1'000'000);
  if (items.empty())
    invalid_request(path, "must be a number of tokens, or uniform, lognormal, quantiles or values");
  for (std::size_t i = 0; i < items.size(); ++i)
    values.push_back(number_of(*items[i], json::pointer(r.path_of("values"), i), 1, most_tokens));
  r.done();
  return Lengths::empirical(std::move(values));
}

workload::WorkloadSpec read_workload_spec(Reader r, const Catalog& catalog,
                                          std::vector<std::string>& assumptions) {
  workload::WorkloadSpec spec;
  spec.seed =
      static_cast<std::uint64_t>(r.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 1));
  if (auto trace = r.optional_object("trace")) {
    read_trace_member(std::move(*trace), spec);
    r.done();
    return spec;
  }
  if (r.has("dataset")) {
    const Dataset set = catalog.dataset(r.text("dataset"), r.path_of("dataset"));
    spec.input = Lengths::of(set.input);
    spec.output = Lengths::of(set.output);
    assumptions.push_back("lengths of data set " + set.name + ": " + set.origin + ", " +
                          set.source);
    if (r.has("input") || r.has("output"))
      r.fail("dataset", "must stand without input and output, which it gives");
  } else {
    spec.input = read_lengths(r.require("input"), r.path_of("input"));
    spec.output = read_lengths(r.require("output"), r.path_of("output"));
  }
  if (const auto concurrency = r.optional_integer("concurrency", 1, 10'000'000)) {
    workload::ClosedLoop loop;
    loop.clients = *concurrency;
    loop.think_s = r.number("think_ms", 0, 1e9, 0) / 1e3;
    loop.think_random = r.boolean("think_random", false);
    spec.closed = loop;
    if (r.has("arrivals"))
      r.fail("concurrency", "must stand without arrivals: the clients wait for their answers");
    spec.requests = 10 * loop.clients;
  } else {
    read_arrivals(r.object("arrivals"), spec);
  }
  spec.requests = r.integer("requests", 1, 1'000'000'000, spec.requests);
  if (auto s = r.optional_object("sessions")) {
    workload::Sessions& sessions = spec.sessions;
    sessions.groups = s->integer("groups", 0, 1 << 30, 0);
    sessions.group_tokens =
        static_cast<std::int32_t>(s->integer("shared_tokens", 0, workload::max_tokens, 0));
    sessions.turns = s->integer("turns", 1, 1000, 1);
    sessions.parallel = s->integer("parallel", 1, 1 << 30, 100);
    s->done();
  }
  r.done();
  return spec;
}

} // namespace dsk::plan
