// The ranks of one process: their devices, the threads that drive them, communicators, and how work
// of all of them is timed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "dsk/backend.h"
#include "options.hpp"
#include "tp/tensor.hpp"

namespace multi {

/// A library call failed; what() is its sentence.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// By reference, because the call that sets the error is the argument before.
void need(dsk_status status, dsk_error*& error);
void need(dsk_status status, const dsk_backend_error& error);

/// The backend's table: for what the C ABI has no call for, which is collectives and products by
/// themselves, and waiting without pauses.
const dsk_backend_api& table_of(const std::string& backend);

layer::Owned<dsk_tp_device> open_device(const Options& options, std::uint32_t rank);

/// What one thread drives: one rank with a device each, or all ranks of one device.
struct Driver {
  std::uint32_t index;
  std::vector<std::uint32_t> ranks;
};

/// The drivers' threads. One failure releases and ends them all.
class Crew {
public:
  Crew(std::uint32_t world, bool one_thread);
  const std::vector<Driver>& drivers() const { return drivers_; }
  /// Runs the body once for each driver, each in its own thread; throws the first failure.
  void run(const std::function<void(const Driver&)>& body);
  /// Inside run(): returns when all drivers are here.
  void meet();

private:
  std::vector<Driver> drivers_;
  std::atomic<std::uint32_t> waiting_{0}, round_{0};
  std::atomic<bool> broken_{false};
};

/// Devices, streams and memory of all ranks, through the table.
class World {
public:
  World(const Options& options, std::uint32_t world);
  ~World();
  World(const World&) = delete;

  std::uint32_t size() const { return static_cast<std::uint32_t>(ranks_.size()); }
  const dsk_backend_api& api() const { return api_; }
  dsk_backend_device* device(std::uint32_t rank) const { return ranks_[rank].device; }
  /// Each rank has two streams.
  void* stream(std::uint32_t rank, int which = 0) const { return ranks_[rank].streams[which]; }
  /// Lives until free_memory() or as long as the world.
  void* memory(std::uint32_t rank, std::uint64_t bytes);
  void free_memory();
  /// Between host and device memory, or two devices.
  void copy(std::uint32_t rank, void* to, const void* from, std::uint64_t bytes) const;
  void wait(std::uint32_t rank, void* stream) const;
  Crew& crew() { return crew_; }

private:
  struct Rank {
    dsk_backend_device* device = nullptr;
    void* streams[2] = {};
    std::vector<void*> memory;
  };
  const dsk_backend_api& api_;
  std::vector<Rank> ranks_;
  Crew crew_;
};

/// Communicators of the table, one for each rank of a world.
class Comms {
public:
  Comms(World& world, dsk_backend_transport transport, std::uint64_t timeout_ms = 20000);
  ~Comms();
  Comms(const Comms&) = delete;
  const char* transport() const;
  /// One collective of a driver's ranks. `in` and `out` are for each rank of the world.
  void all_reduce(const Driver& driver, dsk_dtype dtype, std::uint64_t count,
                  const std::vector<void*>& in, const std::vector<void*>& out,
                  int stream = 0) const;
  void all_gather(const Driver& driver, dsk_dtype dtype, std::uint64_t count,
                  const std::vector<void*>& in, const std::vector<void*>& out,
                  int stream = 0) const;

private:
  std::vector<dsk_backend_collective> calls(const Driver& driver, dsk_dtype dtype,
                                            std::uint64_t count, const std::vector<void*>& in,
                                            const std::vector<void*>& out, int stream) const;
  World& world_;
  std::vector<dsk_backend_comm*> comms_;
};

/// The own all-reduce and its rival. On the CPU there is no vendor's library, so the rival is the
/// same protocol again: then the ratio says how far to trust a ratio.
struct Rivals {
  std::unique_ptr<Comms> own, anchor;
  std::unique_ptr<Comms> chosen; // the library's own choice, where it is neither of the two alone
  std::string own_name, anchor_name, chosen_name, missing; // why there is no anchor
  Rivals(const Options& options, World& world);
};

/// Work that is ready to run on one driver's ranks: launches, does not wait.
using Launch = std::function<void()>;
/// Prepares `count` pieces of work on one driver's ranks.
using Prepare = std::function<Launch(const Driver&, std::uint32_t count)>;

/// Captures what `enqueue` puts on the ranks' streams (all of them, or the first of each rank) as
/// one graph. Without graphs in the backend the launch makes the calls.
Launch captured(World& world, const Driver& driver, bool both_streams,
                const std::function<void()>& enqueue);

struct Timing {
  double us = 0, low = 0, high = 0; // of one piece: median (NaN: lost in noise), range of groups
};

/// Times work of all ranks: the difference between `high` and `low` pieces, so that launching,
/// waiting and the ranks' uneven start drop out; of each group the slowest rank.
class Timed {
public:
  Timed(World& world, const Prepare& prepare, std::uint32_t low, std::uint32_t high);
  Timing measure(int groups);

private:
  World& world_;
  std::uint32_t low_, high_;
  std::vector<Launch> few_, many_; // [driver]
};

/// Pieces that give a group of about `group_us`, from the time that one piece takes.
std::uint32_t pieces_for(double piece_us, double group_us, std::uint32_t most);
/// Time of one driver's work by the wall: the first is thrown away.
double rough_us(World& world, const Prepare& prepare);

/// Median of two turns of A and B, taken A B B A. `steady`: A's turns and B's agree within 2 %.
struct Duel {
  Timing a, b;
  bool steady = true;
};
Duel duel(Timed& a, Timed* b, int groups);

/// Compares some elements of a result. The element before each, which is another number, must be
/// refused at least once, or nothing is worth anything: then the share is infinite.
class Comparison {
public:
  void add(double got, double want, double allowed);
  /// Largest deviation as a share of what is allowed; above 1 is wrong.
  double share() const { return worst_against_last_ > 1 ? worst_ : HUGE_VAL; }

private:
  double worst_ = 0, worst_against_last_ = 0, last_ = NAN;
};

/// A tensor without end: a tile that repeats every `period` elements, a prime, so that no part of a
/// message looks like another at an even distance.
class Tile {
public:
  static constexpr std::uint64_t period = 8191;
  Tile(dsk_dtype dtype, layer::Bytes elements); // `period` of them
  /// Small whole numbers, so that sums over ranks are exact in 16 bits in any order.
  static Tile whole_numbers(dsk_dtype dtype, std::uint32_t seed);
  static Tile sum(const std::vector<Tile>& tiles);
  static Tile random(dsk_dtype dtype, std::uint32_t seed, double scale = 1);
  double at(std::uint64_t element) const { return values_[element % period]; }
  void upload(const World& world, std::uint32_t rank, void* to, std::uint64_t bytes) const;
  /// Whether `bytes` bytes on the device are this tensor's first.
  bool equals(const World& world, std::uint32_t rank, const void* from, std::uint64_t bytes) const;
  layer::Bytes host(std::uint64_t bytes) const;

private:
  dsk_dtype dtype_;
  layer::Bytes chunk_; // the tile, repeated to a few MiB
  std::vector<double> values_;
};

} // namespace multi
