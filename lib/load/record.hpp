// What is kept of one finished request: integers, so that the journal, the live statistics and a
// recomputation agree to the last bit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/outcome.hpp"

namespace dsk::load {

std::string outcome_name(Outcome outcome);

struct Record {
  std::uint64_t index = 0;        // of the workload
  std::uint64_t scheduled_ns = 0; // since the run began, time during which the generator was dead
                                  // left out
  std::uint64_t delay_ns = 0;     // from then to the moment it was sent
  std::uint64_t ttft_ns = 0;      // from scheduled to the first token; 0: none came
  std::uint64_t e2e_ns = 0;       // from scheduled to the end
  std::uint64_t decode_ns = 0;    // from the first token to the last
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  bool counted_by_server = false; // the tokens are the server's, not the number of events
  Outcome outcome = Outcome::completed;
  std::vector<std::uint32_t> gaps_us; // between tokens, in ascending order

  std::uint64_t ended_ns() const { return scheduled_ns + e2e_ns; }
};

/// Variable-length integers, gaps as differences.
std::string encoded(const Record& record);
/// Nothing when the bytes are no record.
std::optional<Record> decoded(std::string_view bytes);

void put_number(std::string& to, std::uint64_t value);
/// Takes a number off the front; false at the end of the bytes.
bool take_number(std::string_view& from, std::uint64_t& value);

} // namespace dsk::load
