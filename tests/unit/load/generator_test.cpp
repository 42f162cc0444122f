#include "load/generator.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.hpp"
#include "load/journal.hpp"
#include "load/prompt.hpp"
#include "unit/load/simulated_server.hpp"

using namespace dsk::load;
using dsk::Json;

namespace {

Json request_document(Json workload) {
  Json out;
  out["endpoint"] = {{"url", "http://127.0.0.1:9"}, {"model", "m"}};
  workload["input_tokens"] = 8;
  workload["output_tokens"] = 3;
  out["workload"] = std::move(workload);
  return out;
}

Report run(const Json& document, SimulatedServer::Law law, dsk::Cancel cancel = {}) {
  return run_load(read_load_request(document), cancel, simulated(std::move(law)));
}

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() /
          (std::string(name) + "-" + std::to_string(::getpid())))
      .string();
}

Answer steady(std::uint64_t, double) {
  return {};
}

Json figures(const Report& r) {
  Json out = document_of(r);
  out.erase("ended");
  out.erase("generator");
  out.erase("max_in_flight");
  out.erase("request");
  return out;
}

} // namespace

TEST_CASE("load: an open loop sends on time and measures what the server does") {
  const Report r = run(request_document({{"rate_per_s", 100}, {"requests", 2000}}), steady);
  const Statistics& s = r.statistics;
  CHECK(s.completed == 2000);
  CHECK(s.failed() == 0);
  CHECK(s.output_tokens == 6000);
  CHECK(s.ttft_ms.quantile(0.5) == doctest::Approx(100).epsilon(0.001));
  CHECK(s.tpot_ms.quantile(0.99) == doctest::Approx(20).epsilon(0.001));
  CHECK(s.gap_ms.count() == 4000);
  CHECK(s.e2e_ms.max() == doctest::Approx(140).epsilon(1e-6));
  CHECK(s.delay_ms.max() < 1e-3);
  CHECK(r.facts.duration_s == doctest::Approx(20).epsilon(0.1));
  CHECK(r.facts.ended == "complete");
}

TEST_CASE("load: a stall of the server is in the latencies of all who had to wait") {
  // Nothing is sent for a second in mid-run, because all places are taken.
  Json document =
      request_document({{"rate_per_s", 100}, {"process", "constant"}, {"requests", 1000}});
  document["max_in_flight"] = 1;
  const Report r = run(document, [](std::uint64_t i, double) {
    Answer a{0.001, 0.001, 1, 200, Outcome::completed};
    if (i == 300) a.first_s = 1;
    return a;
  });
  CHECK(r.statistics.completed == 1000);
  // About a hundred requests fell due meanwhile; each waited up to a second.
  CHECK(r.statistics.ttft_ms.count() - r.statistics.ttft_ms.count_up_to(50) > 80);
  CHECK(r.statistics.delay_ms.max() > 900);
}

TEST_CASE("load: a closed loop keeps its number in flight") {
  int most = 0;
  const Report r =
      run(request_document({{"concurrency", 7}, {"requests", 700}}), [&](std::uint64_t, double) {
        ++most;
        return Answer{};
      });
  CHECK(r.statistics.completed == 700);
  CHECK(r.facts.max_in_flight == 7);
  // 700 requests of 140 ms, seven at a time.
  CHECK(r.facts.duration_s == doctest::Approx(14).epsilon(0.01));
}

TEST_CASE("load: failures are counted by kind and the rest goes on") {
  const Report r =
      run(request_document({{"rate_per_s", 50}, {"requests", 500}}), [](std::uint64_t i, double) {
        Answer a;
        if (i % 10 == 1) a.status = 429;
        if (i % 10 == 2) a.status = 503;
        if (i % 10 == 3) a.fault = Outcome::refused;
        if (i % 10 == 4) a.fault = Outcome::timeout;
        return a;
      });
  CHECK(r.statistics.completed == 300);
  CHECK(r.statistics.failures.at("http_429") == 50);
  CHECK(r.statistics.failures.at("http_503") == 50);
  CHECK(r.statistics.failures.at("connection_refused") == 50);
  CHECK(r.statistics.failures.at("timeout") == 50);
}

TEST_CASE("load: goodput counts the requests within every bound") {
  Json document = request_document({{"rate_per_s", 50}, {"requests", 400}});
  document["slo"] = {{"ttft_ms", 150}, {"tpot_ms", 25}};
  const Report r = run(document, [](std::uint64_t i, double) {
    Answer a;
    if (i % 4 == 1) a.first_s = 0.2;
    if (i % 4 == 2) a.gap_s = 0.03;
    return a;
  });
  CHECK(r.statistics.good == 200);
}

TEST_CASE("load: duration ends the sending, warm-up stays out, cancel leaves a report") {
  Json document = request_document(
      {{"rate_per_s", 100}, {"process", "constant"}, {"duration_s", 2}, {"warmup_requests", 50}});
  const Report r = run(document, steady);
  CHECK(r.facts.ended == "duration");
  CHECK(r.statistics.warmup == 50);
  CHECK(r.statistics.completed + 50 == r.facts.sent);
  CHECK(r.facts.sent >= 199);
  CHECK(r.facts.sent <= 201);

  auto state = std::make_shared<dsk::CancelState>();
  const Report cut = run(
      document,
      [&](std::uint64_t i, double) {
        if (i == 100) state->set = true;
        return Answer{};
      },
      dsk::Cancel(state));
  CHECK(cut.facts.ended == "cancelled");
  CHECK(cut.facts.interrupted > 0);
  CHECK(cut.statistics.completed + cut.statistics.warmup + cut.facts.interrupted == cut.facts.sent);
}

TEST_CASE("load: the report equals a recomputation from the journal") {
  const std::string path = temporary("dsk-journal");
  std::filesystem::remove(path);
  Json document =
      request_document({{"rate_per_s", 200}, {"requests", 3000}, {"warmup_requests", 9}});
  document["slo"] = {{"e2e_ms", 170}};
  document["journal"] = path;
  const Report live = run(document, [](std::uint64_t i, double) {
    Answer a;
    a.first_s = 0.05 + 0.001 * static_cast<double>(i % 97);
    a.gap_s = 0.001 * static_cast<double>(1 + i % 41);
    if (i % 50 == 7) a.status = 500;
    return a;
  });
  CHECK(figures(report_from_journal(path)) == figures(live));
  std::filesystem::remove(path);
}

TEST_CASE("load: a journal cut anywhere gives a whole run when it is taken up again") {
  const std::string path = temporary("dsk-journal-cut");
  std::filesystem::remove(path);
  Json document = request_document({{"rate_per_s", 100}, {"requests", 60}});
  document["journal"] = path;
  run(document, steady);
  std::ifstream file(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  file.close();
  const std::size_t header = whole.find("\"journal\"");
  for (std::size_t cut = header + 400; cut < whole.size(); cut += 7) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    std::map<std::uint64_t, int> seen;
    const Report r = run(document, steady);
    read_journal(path, [&](const Record& record) { ++seen[record.index]; });
    REQUIRE(r.facts.sent == 60);
    REQUIRE(r.statistics.completed + r.facts.interrupted == 60);
    REQUIRE(seen.size() == r.statistics.completed);
    for (const auto& [index, times] : seen)
      REQUIRE(times == 1);
    REQUIRE(figures(report_from_journal(path)) == figures(r));
  }
  // A run that is complete already is not run again.
  std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
  CHECK(run(document, [](std::uint64_t, double) -> Answer {
          FAIL("sent a request of a finished run");
          return {};
        }).statistics.completed == 60);
  // Another request must not go into the same journal.
  document["workload"]["requests"] = 61;
  try {
    run(document, steady);
    FAIL("took up the journal of another request");
  } catch (const dsk::Error& e) {
    CHECK(e.path() == "/journal");
  }
  std::filesystem::remove(path);
}

TEST_CASE("load: a disk that fills up ends the journal, not the run, and the run can be taken up") {
  if (std::filesystem::exists("/dev/full")) { // takes the open and refuses each write
    Journal journal;
    CHECK_THROWS_AS(journal.create("/dev/full", "{}", 0), dsk::Error);
  }
  const std::string path = temporary("dsk-journal-full");
  std::filesystem::remove(path);
  Json document = request_document({{"rate_per_s", 100}, {"requests", 400}});
  document["journal"] = path;
  // The limit on this process's files stands for the end of the disk: the write that crosses it is
  // cut, the next one fails.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 6000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Report full = run(document, steady);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(full.statistics.completed == 400);
  CHECK(full.facts.journal_failure.find("cannot be written any more") != std::string::npos);
  std::uint64_t kept = 0;
  const JournalSummary summary = read_journal(path, [&](const Record&) { ++kept; });
  CHECK(kept > 50);
  CHECK(kept < 400);
  CHECK(summary.whole_bytes + summary.lost_bytes == 6000);
  CHECK(summary.lost_bytes > 0);
  // With room again the same command runs what the journal does not hold.
  const Report rest = run(document, steady);
  CHECK(rest.facts.journal_failure.empty());
  CHECK(rest.statistics.completed + rest.facts.interrupted == 400);
  CHECK(rest.facts.interrupted == summary.started - kept);
  CHECK(figures(report_from_journal(path)) == figures(rest));
  std::filesystem::remove(path);
}

TEST_CASE("load: reports of two machines merge into that of both") {
  const auto law = [](std::uint64_t i, double) {
    Answer a;
    a.first_s = 0.01 * static_cast<double>(1 + i % 30);
    if (i % 20 == 3) a.status = 429;
    return a;
  };
  const Report one = run(request_document({{"rate_per_s", 50}, {"requests", 800}}), law);
  const Report two =
      run(request_document({{"rate_per_s", 50}, {"requests", 800}, {"seed", 2}}), law);
  const Report both = merged(
      {report_from_document(document_of(one), ""), report_from_document(document_of(two), "")});
  CHECK(both.statistics.completed == one.statistics.completed + two.statistics.completed);
  CHECK(both.statistics.failures.at("http_429") == 80);
  CHECK(both.facts.machines == 2);
  CHECK(both.facts.request.is_null());
  dsk::Histogram by_hand = one.statistics.ttft_ms;
  by_hand.merge(two.statistics.ttft_ms);
  CHECK(both.statistics.ttft_ms.quantile(0.99) == by_hand.quantile(0.99));
}

// The summary that `vllm bench serve --save-result` writes without --save-detailed: names and kinds
// as vllm/benchmarks/serve.py of vLLM has them (main, read on 2026-11-24), latencies for the
// metrics and percentiles that its command line can ask for. max_output_tokens_per_s, the best
// second, is not kept here.
TEST_CASE("load: the vLLM form has the fields of vLLM's own, with their kinds and relations") {
  Json document = request_document({{"concurrency", 4}, {"requests", 100}});
  document["slo"] = {{"e2e_ms", 1e6}};
  const Report r = run(document, steady);
  const Json v = vllm_document(r);
  for (const char* name : {"date", "backend", "model_id", "tokenizer_id"})
    CHECK_MESSAGE((v.contains(name) && v[name].is_string()), name);
  CHECK(v.at("label").is_null());
  for (const char* name : {"num_prompts", "completed", "failed", "total_input_tokens",
                           "total_output_tokens", "max_concurrency", "max_concurrent_requests"})
    CHECK_MESSAGE((v.contains(name) && v[name].is_number_integer()), name);
  for (const char* name : {"burstiness", "duration", "request_throughput", "request_goodput",
                           "output_throughput", "total_token_throughput"})
    CHECK_MESSAGE((v.contains(name) && v[name].is_number()), name);
  for (const std::string metric : {"ttft", "tpot", "itl", "e2el"}) {
    for (const char* figure : {"mean_", "median_", "std_", "p90_", "p95_", "p99_"})
      CHECK_MESSAGE(v.at(figure + metric + "_ms").is_number(), std::string(figure + metric));
    CHECK(v["median_" + metric + "_ms"] <= v["p90_" + metric + "_ms"]);
    CHECK(v["p90_" + metric + "_ms"] <= v["p99_" + metric + "_ms"]);
  }
  CHECK(v["completed"] == 100);
  CHECK(v["request_rate"] == "inf");
  CHECK(v["max_concurrency"] == 4);
  const auto number = [&](const char* name) { return v.at(name).get<double>(); };
  CHECK(number("request_throughput") ==
        doctest::Approx(number("completed") / number("duration")).epsilon(1e-9));
  CHECK(number("total_token_throughput") ==
        doctest::Approx((number("total_input_tokens") + number("total_output_tokens")) /
                        number("duration"))
            .epsilon(1e-9));
  CHECK(number("request_goodput") == number("request_throughput"));
}

TEST_CASE("load: a false request names the field") {
  const auto path_of = [](const Json& document) -> std::string {
    try {
      read_load_request(document);
    } catch (const dsk::Error& e) {
      return e.path();
    }
    return "accepted";
  };
  const Json good = request_document({{"rate_per_s", 1}, {"requests", 1}});
  CHECK(path_of(good) == "accepted");
  Json d = good;
  d["endpoint"]["url"] = "ftp://x";
  CHECK(path_of(d) == "/endpoint/url");
  d["endpoint"]["url"] = "http://user:secret@x";
  CHECK(path_of(d) == "/endpoint/url");
  d = good;
  d["endpoint"]["headers"] = {{"Authorization", "Bearer secret"}};
  CHECK(path_of(d) == "/endpoint/headers/Authorization");
  d["endpoint"]["headers"] = {{"X-A", "a\r\nX-B: b"}};
  CHECK(path_of(d) == "/endpoint/headers/X-A");
  d = good;
  d["endpoint"]["key_env"] = "DSK_TEST_NO_SUCH_VARIABLE";
  CHECK(path_of(d) == "/endpoint/key_env");
  d = good;
  d["workload"]["concurrency"] = 3;
  CHECK(path_of(d) == "/workload/concurrency");
  d = good;
  d["workload"].erase("requests");
  CHECK(path_of(d) == "/workload/requests");
  d = good;
  d["workload"]["output_tokens"] = 0;
  CHECK(path_of(d) == "/workload/output_tokens");
}

TEST_CASE("load: no report and no journal holds the key") {
  const std::string path = temporary("dsk-journal-key");
  std::filesystem::remove(path);
  setenv("DSK_TEST_KEY", "sk-very-secret", 1);
  Json document = request_document({{"rate_per_s", 100}, {"requests", 20}});
  document["endpoint"]["key_env"] = "DSK_TEST_KEY";
  document["journal"] = path;
  const LoadRequest request = read_load_request(document);
  CHECK(std::find(request.endpoint.headers.begin(), request.endpoint.headers.end(),
                  "Authorization: Bearer sk-very-secret") != request.endpoint.headers.end());
  const Report r = run_load(request, {}, simulated(steady));
  std::ifstream file(path, std::ios::binary);
  const std::string journal((std::istreambuf_iterator<char>(file)), {});
  CHECK(journal.find("very-secret") == std::string::npos);
  CHECK(document_of(r).dump().find("very-secret") == std::string::npos);
  CHECK(report_table(r).find("very-secret") == std::string::npos);
  std::filesystem::remove(path);
}

TEST_CASE("load: prompts are as long as asked, alike where prefixes are, different elsewhere") {
  Json document = request_document({{"rate_per_s", 1}, {"requests", 10}});
  document["workload"]["prefix"] = {{"groups", 1}, {"tokens", 64}};
  document["workload"]["input_tokens"] = 32;
  const LoadRequest request = read_load_request(document);
  const PromptMaker maker(request);
  const dsk::workload::Workload workload(request.workload);
  const auto prompt = [&](std::int64_t i) {
    const Json body = Json::parse(maker.body(i, workload.request(i)));
    CHECK(body["max_tokens"] == 3);
    return body["prompt"].get<std::string>();
  };
  const std::string a = prompt(0);
  const std::string b = prompt(1);
  CHECK(std::count(a.begin(), a.end(), ' ') + 1 == 96);
  std::size_t common = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i)
    common += a[i] == ' ';
  CHECK(common >= 64);
  CHECK(common < 70);
  CHECK(a != b);
}

// A sanitizer keeps freed memory and shadows the rest, so the resident size says nothing there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DSK_TEST_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DSK_TEST_SANITIZED true
#endif
#endif
#ifndef DSK_TEST_SANITIZED
#define DSK_TEST_SANITIZED false
#endif

// DSK_LOAD_REQUESTS=10000000 runs as many (docs/results/load.md).
TEST_CASE("load: memory does not grow with the number of requests" *
          doctest::skip(DSK_TEST_SANITIZED)) {
  const auto resident_kb = [] {
    std::ifstream file("/proc/self/statm");
    long total = 0, resident = 0;
    file >> total >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
  };
  run(request_document({{"rate_per_s", 1000}, {"requests", 5000}}), steady);
  const long before = resident_kb();
  const char* asked = std::getenv("DSK_LOAD_REQUESTS");
  const std::uint64_t requests = asked ? std::strtoull(asked, nullptr, 10) : 200000;
  const Report r = run(request_document({{"rate_per_s", 1000}, {"requests", requests}}), steady);
  CHECK(r.statistics.completed == requests);
  const long after = resident_kb();
  MESSAGE(requests << " requests: " << before << " KB before, " << after << " KB after");
  CHECK(after - before < 8 * 1024);
}
