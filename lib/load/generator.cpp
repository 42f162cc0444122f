#include "load/generator.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <deque>
#include <filesystem>
#include <queue>

#include "base/error.hpp"
#include "load/events.hpp"
#include "load/journal.hpp"
#include "load/prompt.hpp"

namespace dsk::load {
namespace {

// Between two looks at the network at most so many requests are sent, so that a burst does not hold
// up the answers of those before.
constexpr int starts_between_polls = 32;
constexpr double longest_poll_s = 0.05; // how late a cancel may be seen

std::uint64_t ns_of(double seconds) {
  return seconds > 0 ? static_cast<std::uint64_t>(std::llround(1e9 * seconds)) : 0;
}

struct Flight {
  explicit Flight(bool streaming) : reader(streaming) {}
  std::int64_t index = 0;
  double scheduled_s = 0;
  double sent_s = 0;
  double first_s = -1;
  double last_s = -1;
  std::int32_t wanted_input = 0;
  StreamReader reader;
  std::vector<std::uint32_t> gaps_us;
};

class Generator : public Receiver {
public:
  Generator(const LoadRequest& request, const Cancel& cancel, const Connect& connect)
      : request_(request), cancel_(cancel), workload_(request.workload), prompts_(request),
        arrivals_(request.workload.arrivals, request.workload.seed) {
    open_journal();
    transport_ = connect(request.endpoint, *this);
    begin_s_ = transport_->now_s() - resumed_at_s_;
    first_arrivals();
  }

  Report run() {
    std::string ended = "complete";
    for (;;) {
      if (cancel_.is_set()) {
        ended = "cancelled";
        break;
      }
      const double now = run_time();
      if (now >= request_.duration_s && more_to_send()) {
        stopped_sending_ = true;
        ended = "duration";
      }
      const bool behind = send_due(now);
      if (in_flight_ == 0 && !more_to_send()) break;
      if (in_flight_ == 0 && now >= request_.duration_s) break;
      double until = now + (behind ? 0 : longest_poll_s);
      // A tenth of a microsecond late, so that rounding never leaves the clock just before it.
      if (!behind && has_room() && more_to_send()) until = std::min(until, next_due_s() + 1e-7);
      transport_->poll(begin_s_ + until);
      cancel_.progress(finished_, static_cast<std::uint64_t>(workload_.requests()));
    }
    return report(ended);
  }

  bool data(std::uint64_t id, int http_status, const char* bytes, std::size_t size) override {
    Flight& flight = *flights_[id];
    if (http_status != 200) return true; // read and dropped, so that the connection can be kept
    const double now = run_time();
    return flight.reader.feed(std::string_view(bytes, size), [&] {
      if (flight.first_s < 0)
        flight.first_s = now;
      else
        flight.gaps_us.push_back(static_cast<std::uint32_t>(
            std::min(4e9, std::max(0.0, std::round(1e6 * (now - flight.last_s))))));
      flight.last_s = now;
    });
  }

  void done(std::uint64_t id, int http_status, Outcome how) override {
    Flight& flight = *flights_[id];
    Outcome outcome = how;
    if (http_status != 0 && http_status != 200)
      outcome = static_cast<Outcome>(static_cast<std::uint32_t>(Outcome::http) +
                                     static_cast<std::uint32_t>(http_status));
    else if (how == Outcome::stopped || how == Outcome::completed)
      outcome = flight.reader.finish();
    finish(id, flight, outcome);
  }

private:
  double run_time() const { return transport_->now_s() - begin_s_; }

  // ------------------------------------------------------------------ what comes next

  void first_arrivals() {
    if (workload_.closed()) {
      const std::int64_t clients =
          std::min(workload_.spec().closed->clients, workload_.requests() - next_index_);
      for (std::int64_t i = 0; i < clients; ++i)
        ready_.push(resumed_at_s_);
      return;
    }
    if (!workload_.spec().trace)
      for (std::int64_t i = 0; i <= next_index_; ++i)
        next_arrival_s_ = arrivals_.next();
    // The time until the next arrival goes on where the generator was stopped.
    if (next_index_ > 0 && next_index_ < workload_.requests())
      arrival_shift_s_ = std::max(0.0, resumed_at_s_ - arrival_s());
  }

  double arrival_s() const {
    if (const auto& trace = workload_.spec().trace)
      return trace->rows[static_cast<std::size_t>(next_index_)].at_s / workload_.spec().trace_speed;
    return next_arrival_s_;
  }

  bool more_to_send() const { return !stopped_sending_ && next_index_ < workload_.requests(); }
  bool has_room() const { return in_flight_ < request_.max_in_flight; }

  double next_due_s() const {
    if (workload_.closed())
      return ready_.empty() ? std::numeric_limits<double>::infinity() : ready_.top();
    return arrival_shift_s_ + arrival_s();
  }

  void advance() {
    if (workload_.closed())
      ready_.pop();
    else if (!workload_.spec().trace)
      next_arrival_s_ = arrivals_.next();
    ++next_index_;
  }

  /// True when more is due already.
  bool send_due(double now) {
    for (int sent = 0; more_to_send() && has_room(); ++sent) {
      const double due = next_due_s();
      if (due > now) return false;
      if (due > request_.duration_s) return false;
      if (sent == starts_between_polls) return true;
      send(due);
    }
    return false;
  }

  void send(double scheduled_s) {
    const std::int64_t index = next_index_;
    const workload::Request what = workload_.request(index);
    const std::uint64_t id = take_flight();
    Flight& flight = *flights_[id];
    flight.index = index;
    flight.scheduled_s = scheduled_s;
    flight.wanted_input = what.input;
    const std::string body = prompts_.body(index, what);
    advance();
    flight.sent_s = run_time();
    journal_.started(static_cast<std::uint64_t>(index), ns_of(flight.sent_s));
    ++in_flight_;
    most_in_flight_ = std::max(most_in_flight_, in_flight_);
    if (!transport_->start(id, body)) finish(id, flight, Outcome::local);
  }

  std::uint64_t take_flight() {
    if (free_.empty()) {
      flights_.push_back(nullptr);
      free_.push_back(flights_.size() - 1);
    }
    const std::uint64_t id = free_.back();
    free_.pop_back();
    flights_[id] = std::make_unique<Flight>(request_.streaming);
    return id;
  }

  // ------------------------------------------------------------------ what came back

  void finish(std::uint64_t id, Flight& flight, Outcome outcome) {
    const double now = run_time();
    Record r;
    r.index = static_cast<std::uint64_t>(flight.index);
    r.scheduled_ns = ns_of(flight.scheduled_s);
    r.delay_ns = ns_of(flight.sent_s - flight.scheduled_s);
    r.e2e_ns = ns_of(now - flight.scheduled_s);
    // A response that is one document brings its first token and its last with its end.
    if (!request_.streaming && outcome == Outcome::completed) flight.first_s = flight.last_s = now;
    r.ttft_ns = flight.first_s >= 0 ? ns_of(flight.first_s - flight.scheduled_s) : 0;
    r.decode_ns = flight.first_s >= 0 ? ns_of(flight.last_s - flight.first_s) : 0;
    const StreamReader& reader = flight.reader;
    r.counted_by_server = reader.output_tokens() >= 0;
    r.output_tokens = r.counted_by_server ? static_cast<std::uint64_t>(reader.output_tokens())
                                          : reader.text_events();
    r.input_tokens = static_cast<std::uint64_t>(reader.prompt_tokens() >= 0 ? reader.prompt_tokens()
                                                                            : flight.wanted_input);
    r.outcome = outcome;
    r.gaps_us = std::move(flight.gaps_us);
    std::sort(r.gaps_us.begin(), r.gaps_us.end());
    journal_.finished(r);
    statistics_.add(r, request_.slo, static_cast<std::uint64_t>(request_.warmup));
    last_ns_ = std::max(last_ns_, r.ended_ns());
    ++finished_;
    --in_flight_;
    flights_[id].reset();
    free_.push_back(id);
    if (workload_.closed() && workload_.requests() > next_index_)
      ready_.push(now + workload_.think_s(next_index_));
  }

  // ------------------------------------------------------------------ journal and report

  void open_journal() {
    const std::string text = json::dump_compact(request_.document);
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    began_at_unix_s_ = static_cast<double>(t.tv_sec);
    if (request_.journal.empty()) return;
    if (!std::filesystem::exists(request_.journal)) {
      journal_.create(request_.journal, text, began_at_unix_s_);
      return;
    }
    const auto warmup = static_cast<std::uint64_t>(request_.warmup);
    const JournalSummary before = read_journal(request_.journal, [&](const Record& r) {
      statistics_.add(r, request_.slo, warmup);
      ++finished_;
    });
    if (before.request != text)
      throw Error(DSK_STATUS_INVALID_REQUEST,
                  "the journal " + request_.journal +
                      " is of another request; give a new file or the request that began it",
                  "/journal");
    began_at_unix_s_ = before.began_at_unix_s;
    next_index_ = static_cast<std::int64_t>(before.started);
    interrupted_ = before.started - finished_;
    last_ns_ = before.last_ns;
    resumed_at_s_ = 1e-9 * static_cast<double>(before.last_ns);
    resumed_ = before.resumed + 1;
    journal_.resume(request_.journal, before, before.last_ns);
  }

  Report report(const std::string& ended) {
    Report out;
    RunFacts& f = out.facts;
    f.request = request_.document;
    f.library = transport_->library();
    f.ended = ended;
    f.began_at_unix_s = began_at_unix_s_;
    f.duration_s = 1e-9 * static_cast<double>(last_ns_);
    f.sent = static_cast<std::uint64_t>(next_index_);
    f.interrupted = interrupted_ + static_cast<std::uint64_t>(in_flight_);
    f.resumed = resumed_;
    f.max_in_flight = static_cast<std::uint64_t>(most_in_flight_);
    f.journal_failure = journal_.failure();
    out.statistics = std::move(statistics_);
    transport_.reset(); // before what it calls
    return out;
  }

  const LoadRequest& request_;
  const Cancel& cancel_;
  workload::Workload workload_;
  PromptMaker prompts_;
  workload::Arrivals arrivals_;
  double next_arrival_s_ = 0;
  double arrival_shift_s_ = 0;
  std::priority_queue<double, std::vector<double>, std::greater<>> ready_; // closed loop
  std::int64_t next_index_ = 0;
  std::int64_t in_flight_ = 0;
  std::int64_t most_in_flight_ = 0;
  bool stopped_sending_ = false;
  std::vector<std::unique_ptr<Flight>> flights_;
  std::vector<std::uint64_t> free_;
  Journal journal_;
  Statistics statistics_;
  std::uint64_t finished_ = 0;
  std::uint64_t interrupted_ = 0;
  std::uint64_t resumed_ = 0;
  std::uint64_t last_ns_ = 0;
  double resumed_at_s_ = 0;
  double begin_s_ = 0;
  double began_at_unix_s_ = 0;
  std::unique_ptr<Transport> transport_; // last: it calls into the rest
};

} // namespace

Report run_load(const LoadRequest& request, const Cancel& cancel, const Connect& connect) {
  return Generator(request, cancel, connect).run();
}

} // namespace dsk::load
