// The flag and the progress counter that long work polls.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/error.hpp"

namespace dsk {

struct CancelState {
  std::atomic<bool> set{false};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> total{0};
};

/// What a module holds: copies share the state, and an empty one never cancels.
class Cancel {
public:
  Cancel() = default;
  explicit Cancel(std::shared_ptr<CancelState> state) : state_(std::move(state)) {}

  bool is_set() const noexcept { return state_ && state_->set.load(std::memory_order_relaxed); }
  void progress(std::uint64_t done, std::uint64_t total) const noexcept {
    if (!state_) return;
    state_->total.store(total, std::memory_order_relaxed);
    state_->done.store(done, std::memory_order_relaxed);
  }
  /// Throws CANCELLED once the token is set.
  void check() const {
    if (is_set()) throw Error(DSK_STATUS_CANCELLED, "cancelled by the caller");
  }

private:
  std::shared_ptr<CancelState> state_;
};

} // namespace dsk
