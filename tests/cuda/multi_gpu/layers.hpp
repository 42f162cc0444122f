// Plans of the C ABI on the ranks of one driver, and comparison of what they give with the
// unsharded layer on the CPU.
#pragma once

#include <string>
#include <vector>

#include "world.hpp"

namespace multi {

/// Device memory through the C ABI.
class Memory {
public:
  Memory(dsk_tp_device* device, std::uint64_t bytes);
  Memory(dsk_tp_device* device, const layer::Bytes& bytes);
  Memory(Memory&& other) noexcept;
  ~Memory();
  void write(const layer::Bytes& bytes);
  void poison() { write(layer::Bytes(bytes_, 0xff)); } // NaN in every type
  layer::Bytes read() const;
  void* get() const { return pointer_; }
  std::uint64_t bytes() const { return bytes_; }

private:
  dsk_tp_device* device_;
  std::uint64_t bytes_;
  void* pointer_ = nullptr;
};

class Stream {
public:
  explicit Stream(dsk_tp_device* device);
  Stream(Stream&& other) noexcept;
  ~Stream();
  void* get() const { return stream_; }

private:
  dsk_tp_device* device_;
  void* stream_ = nullptr;
};

/// Ranks of one communicator that one thread drives.
struct Team {
  std::vector<dsk_tp_device*> devices;
  std::vector<dsk_tp_comm*> comms;
  std::size_t size() const { return comms.size(); }
};

/// A communicator of ranks of this process, on the devices from `first` on.
struct Local {
  std::vector<layer::Owned<dsk_tp_device>> devices;
  std::vector<layer::Owned<dsk_tp_comm>> comms;
  Local(const Options& options, std::uint32_t world, dsk_tp_transport transport,
        std::uint64_t timeout_ms, std::uint32_t first = 0);
  Team team(const Driver& driver) const;
};
std::string transport_of(dsk_tp_comm* comm);

/// One step of a chain: a linear or an MLP of one rank, with its memory.
struct Step {
  layer::Owned<dsk_tp_linear> linear;
  layer::Owned<dsk_tp_mlp> mlp;
  dsk_tp_plan_info info = DSK_TP_PLAN_INFO_INIT;
  Step(dsk_tp_comm* comm, const dsk_tp_linear_desc& desc);
  Step(dsk_tp_comm* comm, const dsk_tp_mlp_desc& desc);
  void enqueue(const dsk_tp_args& args, void* stream) const;
  void add_to(dsk_tp_graph* graph, const dsk_tp_args& args) const;
};
dsk_tp_args args_of(std::uint64_t m, const void* x, void* y, const Memory& workspace);
/// Runs `enqueue(i)` for all ranks of the team, together where there are several.
void together(const Team& team, const std::function<void(std::size_t)>& enqueue);
layer::Owned<dsk_tp_graph> new_graph(const Team& team);
void capture(dsk_tp_graph* graph);
void replay(dsk_tp_graph* graph, void* stream);
void wait(dsk_tp_comm* comm, void* stream);

enum class Kind { column, gather, row, row_norm, mlp };
const char* name_of(Kind kind);

/// One layer as a whole: inputs, and what the CPU backend's double-precision path says of them.
class Problem {
public:
  Problem(Kind kind, dsk_dtype format, std::uint64_t m, std::uint64_t n, std::uint64_t k,
          std::uint32_t seed);
  Kind kind;
  dsk_dtype format, dtype; // of weights, of activations
  std::uint64_t m, n, k;   // an MLP: hidden n, inner k
  std::string text() const;

  Step plan(dsk_tp_comm* comm, std::uint32_t flags) const;
  /// The rank's part of x.
  layer::Bytes input(const dsk_tp_plan_info& info) const;
  const layer::Bytes& residual() const { return residual_; }
  /// Largest deviation of a rank's y as a share of what is allowed on `world` ranks; above 1 is
  /// wrong. A spoiled copy of y has to be refused too, or the answer is infinite.
  double deviation(const layer::Bytes& y, const dsk_tp_plan_info& info, std::uint32_t world) const;

private:
  double share_of(const std::vector<double>& y, const dsk_tp_plan_info& info,
                  std::uint32_t world) const;
  std::vector<layer::Weight> weights_;
  layer::Bytes x_, gamma_, residual_;
  std::vector<double> reference_;
};

/// Makes the plan on every rank of the team, runs it, and runs it again as a graph. `meet` is
/// called where all teams have to be at the same place. Returns the largest deviation.
double run_problem(const Problem& problem, const Team& team, bool same_bits,
                   const std::function<void()>& meet);

} // namespace multi
