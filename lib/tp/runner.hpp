// Running plans: one rank at once, or several ranks stage by stage (a group), or a chain that is
// kept (a graph).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "tp/plan.hpp"

namespace dsk::tp {

struct Call {
  std::shared_ptr<Plan> plan;
  dsk_tp_args args{};
  void* stream = nullptr;
};

/// Checks and runs one call, or hands it to the rank's group.
void enqueue(const std::shared_ptr<Plan>& plan, const dsk_tp_args& args, void* stream);

/// The ranks' chains side by side: chains[i] belongs to one rank. Throws INVALID_ARGUMENT when they
/// do not match.
void require_matching(const std::vector<std::vector<Call>>& chains);
/// Runs them; `streams` (one for each chain) replace the calls' own when given.
void run_chains(const std::vector<std::vector<Call>>& chains, const std::vector<void*>* streams);

/// Throws INVALID_ARGUMENT unless these are all ranks of one local communicator, or one rank alone.
void require_family(const std::vector<std::shared_ptr<Comm>>& comms);

class Group {
public:
  static constexpr std::size_t most_calls = 1024; // of one rank

  explicit Group(std::vector<std::shared_ptr<Comm>> comms);
  ~Group();
  void add(const Comm& comm, Call call);
  void run();

private:
  std::vector<std::shared_ptr<Comm>> comms_;
  std::vector<std::vector<Call>> chains_;
};

class Graph {
public:
  explicit Graph(std::vector<std::shared_ptr<Comm>> comms);
  ~Graph();

  std::uint64_t add(const std::shared_ptr<Plan>& plan, const dsk_tp_args& args);
  void set(std::uint64_t step, const dsk_tp_args& args);
  void capture();
  void replay(void* stream);
  dsk_tp_graph_info info() const;

private:
  Call& step_at(std::uint64_t step);
  void capture_on_device();

  std::vector<std::shared_ptr<Comm>> comms_;
  std::vector<std::vector<Call>> chains_;
  std::vector<std::pair<std::size_t, std::size_t>> steps_; // chain, place in it
  std::vector<std::vector<Call>> captured_;                // what the last capture holds
  std::vector<void*> streams_;
  dsk_backend_graph* graph_ = nullptr;
  bool is_captured_ = false;
  double capture_ms_ = 0.0;
  std::atomic_flag capturing_ = ATOMIC_FLAG_INIT;
};

} // namespace dsk::tp
