// What is asked of a server: how many requests, how long, when, and which prefixes they share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "workload/arrivals.hpp"
#include "workload/blocks.hpp"
#include "workload/lengths.hpp"
#include "workload/trace.hpp"

namespace dsk::workload {

/// Clients that each wait for an answer before they ask again.
struct ClosedLoop {
  std::int64_t clients = 1;
  double think_s = 0;        // mean pause between an answer and the next question ...
  bool think_random = false; // ... exponential instead of fixed
};

/// Conversations: every turn sends all earlier questions and answers again as its prefix.
struct Sessions {
  std::int64_t groups = 0;       // of sessions that share a system prompt; 0 = no sharing at all
  std::int32_t group_tokens = 0; // of the system prompt, part of every prompt
  std::int64_t turns = 1;        // requests of one session
  std::int64_t parallel = 1;     // sessions whose turns come in rotation
};

struct WorkloadSpec {
  std::uint64_t seed = 1;
  std::int64_t requests = 1000; // ignored with a trace
  std::optional<ClosedLoop> closed;
  ArrivalSpec arrivals;
  Lengths input = Lengths::fixed(1024);
  Lengths output = Lengths::fixed(128);
  Sessions sessions;
  std::int32_t block_tokens = 16; // of synthetic prefix blocks
  std::shared_ptr<const Trace> trace;
  double trace_speed = 1; // arrivals this many times as fast
};

struct Request {
  std::int32_t input = 0;
  std::int32_t output = 0;
  BlockList blocks;
};

class Workload {
public:
  explicit Workload(WorkloadSpec spec);

  const WorkloadSpec& spec() const noexcept { return spec_; }
  std::int64_t requests() const noexcept { return requests_; }
  bool closed() const noexcept { return spec_.closed.has_value(); }

  /// Request number `index`, the same whoever asks and when.
  Request request(std::int64_t index) const noexcept;
  /// Think time before request `index` of a closed loop.
  double think_s(std::int64_t index) const noexcept;

private:
  WorkloadSpec spec_;
  Random lengths_;
  Random think_;
  std::int64_t requests_;
};

} // namespace dsk::workload
