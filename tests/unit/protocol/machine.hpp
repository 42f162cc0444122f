// A machine for protocol tests: ranks as fibers, stores that wait in a queue and reach memory word
// by word in any order that the memory model allows, and a seed that decides every step.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "protocol/sentinel.hpp"

namespace machine {

using dsk::protocol::Packet;

class Machine {
public:
  /// With `ordered` off begin() orders nothing: a broken memory model.
  Machine(std::uint64_t seed, std::size_t ranks, bool ordered)
      : rng_(seed), ordered_(ordered), newest_first_(seed % 2 == 0), clears_last_(seed % 4 == 1),
        fibers_(ranks), queues_(ranks) {}

  /// Runs one body for each rank to its end. False when nothing moved for too long: the protocol is
  /// stuck.
  bool run(const std::function<void(std::size_t)>& body) {
    body_ = &body;
    for (std::size_t r = 0; r < fibers_.size(); ++r) {
      Fiber& fiber = fibers_[r];
      begin_context(fiber.context);
      fiber.stack = std::make_unique<char[]>(stack_bytes);
      fiber.context.uc_stack.ss_sp = fiber.stack.get();
      fiber.context.uc_stack.ss_size = stack_bytes;
      fiber.context.uc_link = &scheduler_;
      const auto self = reinterpret_cast<std::uintptr_t>(this);
      makecontext(&fiber.context, reinterpret_cast<void (*)()>(&Machine::enter), 3,
                  static_cast<unsigned>(self), static_cast<unsigned>(self >> 32),
                  static_cast<unsigned>(r));
    }
    for (running_ = fibers_.size(); running_ > 0;) {
      const std::size_t r = rng_() % fibers_.size();
      // A rank that lags far behind its stores is the interesting case: draining is the rarer step.
      if (rng_() % 4 == 0)
        drain_one(r);
      else if (!fibers_[r].done) {
        current_ = r;
        swapcontext(&scheduler_, &fibers_[r].context);
      }
    }
    return !stuck_;
  }

  bool stuck() const { return stuck_; }

  /// Policy of sentinel.hpp for one rank.
  struct Policy {
    Machine& machine;
    std::size_t rank;

    void begin() {
      if (machine.ordered_) machine.queues_[rank].push_back({nullptr, 0});
    }
    void sent() {}
    void end() {}
    void store(Packet* at, const Packet& packet) {
      for (int i = 0; i < 4; ++i)
        machine.queues_[rank].push_back({&at->word[i], packet.word[i]});
      machine.yield();
    }
    Packet load(const Packet* at) {
      machine.yield();
      Packet packet = *at;
      for (const Store& store : machine.queues_[rank]) // a rank sees its own stores
        for (int i = 0; i < 4; ++i)
          if (store.at == &at->word[i]) packet.word[i] = store.value;
      return packet;
    }
    bool give_up(std::uint64_t spins, std::uint32_t, dsk::protocol::Phase) {
      if (machine.stuck_) return true;
      if (spins < 3000) return false;
      machine.stuck_ = true;
      return true;
    }
  };

private:
  struct Store {
    std::uint32_t* at; // NULL: stores before it are seen before stores after it
    std::uint32_t value;
  };
  struct Fiber {
    ucontext_t context{};
    std::unique_ptr<char[]> stack;
    bool done = false;
  };
  static constexpr std::size_t stack_bytes = 64 * 1024;

  /// Apart, because GCC counts getcontext as returning twice.
  [[gnu::noinline]] static void begin_context(ucontext_t& context) { getcontext(&context); }
  static void enter(unsigned low, unsigned high, unsigned rank) {
    auto* self = reinterpret_cast<Machine*>(static_cast<std::uintptr_t>(low) |
                                            static_cast<std::uintptr_t>(high) << 32);
    (*self->body_)(rank);
    self->fibers_[rank].done = true;
    --self->running_;
  }
  void yield() { swapcontext(&fibers_[current_].context, &scheduler_); }

  /// One word of one rank reaches memory: any word before the first order mark, oldest first for
  /// the same word.
  void drain_one(std::size_t rank) {
    auto& queue = queues_[rank];
    while (!queue.empty() && !queue.front().at)
      queue.erase(queue.begin());
    std::size_t open = 0;
    while (open < queue.size() && queue[open].at)
      ++open;
    if (open == 0) return;
    std::size_t pick = newest_first_ ? open - 1 : rng_() % open;
    if (clears_last_) {
      for (pick = 0; pick < open && queue[pick].value == dsk::protocol::sentinel;)
        ++pick;
      if (pick == open) {
        if (rng_() % 8 != 0) return;
        pick = 0;
      }
    }
    for (std::size_t i = 0; i < pick; ++i)
      if (queue[i].at == queue[pick].at) pick = i;
    *queue[pick].at = queue[pick].value;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(pick));
  }

  std::mt19937_64 rng_;
  bool ordered_;
  bool newest_first_; // in half of the runs old stores lag as far as they may
  bool clears_last_;  // in a quarter clears do
  std::vector<Fiber> fibers_;
  std::vector<std::vector<Store>> queues_;
  const std::function<void(std::size_t)>* body_ = nullptr;
  ucontext_t scheduler_{};
  std::size_t current_ = 0, running_ = 0;
  bool stuck_ = false;
};

} // namespace machine
