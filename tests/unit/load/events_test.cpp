#include "load/events.hpp"

#include <doctest/doctest.h>

using namespace dsk::load;

namespace {

const std::string stream =
    ": keep-alive\r\n\r\n"
    "event: message\n"
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"index\":0}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"so\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2,"
    "\"prompt_tokens_details\":{\"prompt_tokens\":99}}}\n\n"
    "data: [DONE]\n\n";

Outcome outcome_of(const std::string& text, bool streaming = true) {
  StreamReader reader(streaming);
  reader.feed(text, [] {});
  return reader.finish();
}

} // namespace

TEST_CASE("events: the same whatever the pieces are") {
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    StreamReader reader(true);
    int tokens = 0;
    REQUIRE(reader.feed(stream.substr(0, cut), [&] { ++tokens; }));
    REQUIRE(reader.feed(stream.substr(cut), [&] { ++tokens; }));
    REQUIRE(reader.finish() == Outcome::completed);
    REQUIRE(tokens == 2);
    REQUIRE(reader.output_tokens() == 2);
    REQUIRE(reader.prompt_tokens() == 12);
  }
}

TEST_CASE("events: each fault by its name") {
  CHECK(outcome_of(stream) == Outcome::completed);
  CHECK(outcome_of(stream.substr(0, stream.find("data: {\"choices\":[{\"delta\":{},"))) ==
        Outcome::cut);
  CHECK(outcome_of("data: {\"choices\":[}\n\n") == Outcome::malformed);
  CHECK(outcome_of("data: 17\n\n") == Outcome::malformed);
  CHECK(outcome_of("data: {\"a\":\n\n") == Outcome::malformed);
  CHECK(outcome_of("<html>\n") == Outcome::malformed);
  CHECK(outcome_of("<html>") == Outcome::malformed);
  CHECK(outcome_of("data: {\"error\":{\"message\":\"no\"}}\n\n") == Outcome::server_error);
  CHECK(outcome_of("data: [DONE]\n\n") == Outcome::empty);
  CHECK(outcome_of("") == Outcome::cut);
  CHECK(outcome_of("data: " + std::string(2 << 20, 'x')) == Outcome::line_too_long);
  CHECK(outcome_of("{\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}", false) ==
        Outcome::completed);
  CHECK(outcome_of("{\"choices\":[", false) == Outcome::malformed);
  CHECK(outcome_of("{\"error\":\"no\"}", false) == Outcome::server_error);
}

TEST_CASE("events: deep nesting is read, not followed") {
  const std::string deep = "data: {\"a\":" + std::string(100000, '[') + "\n\n";
  CHECK(outcome_of(deep) == Outcome::malformed);
}

TEST_CASE("records: what is written reads back, and anything else is refused") {
  Record r;
  r.index = 123456789;
  r.scheduled_ns = 1ull << 45;
  r.ttft_ns = 5;
  r.outcome = static_cast<Outcome>(1429);
  r.counted_by_server = true;
  r.gaps_us = {0, 0, 19999, 20001, 4000000000u};
  const std::string bytes = encoded(r);
  const auto back = decoded(bytes);
  REQUIRE(back.has_value());
  CHECK(encoded(*back) == bytes);
  CHECK(back->gaps_us == r.gaps_us);
  CHECK(outcome_name(back->outcome) == "http_429");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    CHECK(!decoded(bytes.substr(0, cut)));
  CHECK(!decoded(bytes + "x"));
}
