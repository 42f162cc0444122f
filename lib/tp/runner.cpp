#include "tp/runner.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "backend/loader.hpp"
#include "base/error.hpp"

namespace dsk::tp {
namespace {

void run_collective(Collective kind, bool as_gather, const Comm& comm,
                    const dsk_backend_collective* calls, std::uint32_t count) {
  if (kind == Collective::none) return;
  const dsk_backend_api& api = comm.device()->api();
  dsk_backend_error error{};
  const auto run = kind == Collective::gather || as_gather ? api.all_gather : api.all_reduce;
  const dsk_status status = run(calls, count, &error);
  if (status != DSK_STATUS_OK) dsk::backend::check(status, error, "");
}

std::size_t index_of(const std::vector<std::shared_ptr<Comm>>& comms, const Comm& comm) {
  for (std::size_t i = 0; i < comms.size(); ++i)
    if (comms[i].get() == &comm) return i;
  invalid_argument("the plan's rank is not one of these ranks");
}

} // namespace

void enqueue(const std::shared_ptr<Plan>& plan, const dsk_tp_args& args, void* stream) {
  Comm& comm = *plan->comm();
  comm.require_usable();
  plan->check(args, stream);
  if (comm.group) {
    comm.group->add(comm, {plan, args, stream});
    return;
  }
  if (args.m == 0) return;
  try {
    plan->before(args, stream);
    if (plan->collective() != Collective::none) {
      const dsk_backend_collective call = plan->collective_call(args, stream);
      run_collective(plan->collective(), plan->sums_gathered(), comm, &call, 1);
    }
    plan->after(args, stream);
  } catch (const Error& e) {
    if (e.status() == DSK_STATUS_BACKEND) comm.note_failure();
    throw;
  }
}

void require_matching(const std::vector<std::vector<Call>>& chains) {
  for (std::size_t c = 1; c < chains.size(); ++c) {
    if (chains[c].size() != chains[0].size())
      invalid_argument("the ranks' calls do not match: rank " + std::to_string(c) + " has " +
                       std::to_string(chains[c].size()) + ", rank 0 has " +
                       std::to_string(chains[0].size()));
    for (std::size_t i = 0; i < chains[c].size(); ++i) {
      const Call &mine = chains[c][i], &first = chains[0][i];
      const std::string theirs = mine.plan->signature(mine.args),
                        expected = first.plan->signature(first.args);
      // Without a collective nothing has to agree but that there is none.
      const bool alone = mine.plan->collective() == Collective::none &&
                         first.plan->collective() == Collective::none;
      if (!alone && theirs != expected)
        invalid_argument("the ranks' calls do not match: call " + std::to_string(i) + " is " +
                         theirs + " on rank " + std::to_string(c) + " and " + expected +
                         " on rank 0");
    }
  }
}

void run_chains(const std::vector<std::vector<Call>>& chains, const std::vector<void*>* streams) {
  if (chains.empty() || chains[0].empty()) return;
  std::vector<dsk_backend_collective> calls(chains.size());
  const auto stream_of = [&](std::size_t c, const Call& call) {
    return streams ? (*streams)[c] : call.stream;
  };
  for (std::size_t i = 0; i < chains[0].size(); ++i) {
    if (chains[0][i].args.m == 0 && chains[0][i].plan->collective() != Collective::none) continue;
    for (std::size_t c = 0; c < chains.size(); ++c) {
      const Call& call = chains[c][i];
      if (call.args.m > 0) call.plan->before(call.args, stream_of(c, call));
    }
    const Plan& first = *chains[0][i].plan;
    if (first.collective() != Collective::none) {
      for (std::size_t c = 0; c < chains.size(); ++c)
        calls[c] =
            chains[c][i].plan->collective_call(chains[c][i].args, stream_of(c, chains[c][i]));
      run_collective(first.collective(), first.sums_gathered(), *first.comm(), calls.data(),
                     static_cast<std::uint32_t>(calls.size()));
    }
    for (std::size_t c = 0; c < chains.size(); ++c) {
      const Call& call = chains[c][i];
      if (call.args.m > 0) call.plan->after(call.args, stream_of(c, call));
    }
  }
}

void require_family(const std::vector<std::shared_ptr<Comm>>& comms) {
  for (std::size_t i = 0; i < comms.size(); ++i) {
    comms[i]->require_usable();
    if (comms[i]->family() != comms[0]->family())
      invalid_argument("the ranks are not of one local communicator");
    for (std::size_t j = 0; j < i; ++j)
      if (comms[i] == comms[j])
        invalid_argument("rank " + std::to_string(comms[i]->rank()) + " is given twice");
  }
  if (comms.size() != 1 && comms.size() != comms[0]->world())
    invalid_argument(std::to_string(comms.size()) + " of " + std::to_string(comms[0]->world()) +
                     " ranks are given; it takes all of them, or one alone");
}

/* ---------------------------------------------------------------------- group */

Group::Group(std::vector<std::shared_ptr<Comm>> comms) : comms_(std::move(comms)) {
  require_family(comms_);
  for (const auto& comm : comms_)
    if (comm->group)
      invalid_argument("rank " + std::to_string(comm->rank()) + " is in a group already");
  std::sort(comms_.begin(), comms_.end(),
            [](const auto& a, const auto& b) { return a->rank() < b->rank(); });
  chains_.resize(comms_.size());
  for (auto& chain : chains_)
    chain.reserve(most_calls);
  for (const auto& comm : comms_)
    comm->group = this;
}

Group::~Group() {
  for (const auto& comm : comms_)
    comm->group = nullptr;
}

void Group::add(const Comm& comm, Call call) {
  std::vector<Call>& chain = chains_[index_of(comms_, comm)];
  if (chain.size() == most_calls)
    invalid_argument("a group takes at most " + std::to_string(most_calls) +
                     " enqueues of one rank");
  chain.push_back(std::move(call));
}

void Group::run() {
  for (const auto& comm : comms_)
    comm->group = nullptr;
  require_matching(chains_);
  try {
    run_chains(chains_, nullptr);
  } catch (const Error& e) {
    if (e.status() == DSK_STATUS_BACKEND)
      for (const auto& comm : comms_)
        comm->note_failure();
    throw;
  }
}

/* ---------------------------------------------------------------------- graph */

Graph::Graph(std::vector<std::shared_ptr<Comm>> comms) : comms_(std::move(comms)) {
  require_family(comms_);
  std::sort(comms_.begin(), comms_.end(),
            [](const auto& a, const auto& b) { return a->rank() < b->rank(); });
  chains_.resize(comms_.size());
}

Graph::~Graph() {
  const Device& device = *comms_[0]->device();
  if (graph_) device.api().graph_destroy(graph_);
  for (std::size_t c = 0; c < streams_.size(); ++c)
    comms_[c]->device()->api().stream_destroy(comms_[c]->device()->handle(), streams_[c]);
}

std::uint64_t Graph::add(const std::shared_ptr<Plan>& plan, const dsk_tp_args& args) {
  if (is_captured_) invalid_argument("the graph is captured; a step can be changed, not added");
  plan->check(args, nullptr);
  const std::size_t chain = index_of(comms_, *plan->comm());
  chains_[chain].push_back({plan, args, nullptr});
  steps_.emplace_back(chain, chains_[chain].size() - 1);
  return steps_.size() - 1;
}

Call& Graph::step_at(std::uint64_t step) {
  if (step >= steps_.size())
    invalid_argument("step is " + std::to_string(step) + "; the graph has " +
                     std::to_string(steps_.size()));
  return chains_[steps_[step].first][steps_[step].second];
}

void Graph::set(std::uint64_t step, const dsk_tp_args& args) {
  Call& call = step_at(step);
  call.plan->check(args, nullptr);
  call.args = args;
}

void Graph::capture() {
  if (capturing_.test_and_set()) invalid_argument("a capture of this graph is running already");
  struct Release {
    std::atomic_flag& flag;
    ~Release() { flag.clear(); }
  } release{capturing_};
  const auto start = std::chrono::steady_clock::now();
  for (const auto& comm : comms_) {
    comm->require_usable();
    if (comm->group)
      invalid_argument("rank " + std::to_string(comm->rank()) + " is in a group; end it first");
  }
  require_matching(chains_);
  if (comms_[0]->device()->api().graph_capture_begin) capture_on_device();
  captured_ = chains_;
  is_captured_ = true;
  capture_ms_ =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void Graph::capture_on_device() {
  const Device& device = *comms_[0]->device();
  const dsk_backend_api& api = device.api();
  dsk_backend_error error{};
  while (streams_.size() < comms_.size()) {
    const Device& on = *comms_[streams_.size()]->device();
    void* stream = nullptr;
    dsk::backend::check(api.stream_create(on.handle(), &stream, &error), error, "");
    streams_.push_back(stream);
  }
  const auto count = static_cast<std::uint32_t>(streams_.size());
  dsk::backend::check(api.graph_capture_begin(device.handle(), streams_.data(), count, &error),
                      error, "");
  try {
    run_chains(chains_, &streams_);
  } catch (const Error& e) {
    (void)api.graph_capture_end(device.handle(), streams_.data(), count, 1, &graph_, nullptr);
    throw Error(e.status(), std::string("capturing the chain: ") + e.what());
  }
  dsk::backend::check(
      api.graph_capture_end(device.handle(), streams_.data(), count, 0, &graph_, &error), error,
      "");
}

void Graph::replay(void* stream) {
  if (!is_captured_) invalid_argument("the graph is not captured");
  for (const auto& comm : comms_)
    comm->require_usable();
  try {
    if (graph_) {
      dsk_backend_error error{};
      dsk::backend::check(comms_[0]->device()->api().graph_launch(graph_, stream, &error), error,
                          "");
      return;
    }
    if (stream) invalid_argument("stream must be NULL on the CPU backend");
    run_chains(captured_, nullptr);
  } catch (const Error& e) {
    if (e.status() == DSK_STATUS_BACKEND)
      for (const auto& comm : comms_)
        comm->note_failure();
    throw;
  }
}

dsk_tp_graph_info Graph::info() const {
  dsk_tp_graph_info out{};
  const Device& device = *comms_[0]->device();
  out.captured = is_captured_;
  out.steps = steps_.size();
  // A step of one rank is at most: quantise and product twice, activation, collective, sum or
  // unpack, epilogue.
  constexpr std::uint64_t most_nodes = 9;
  if (graph_) out.nodes = device.api().graph_nodes(graph_);
  if (device.api().graph_memory)
    out.memory_bytes =
        device.api().graph_memory(device.handle(), graph_ ? out.nodes : steps_.size() * most_nodes);
  out.capture_ms = capture_ms_;
  return out;
}

} // namespace dsk::tp
