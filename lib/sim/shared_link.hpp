// A link whose transfers share its bandwidth fairly: n of them each get an nth part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace dsk::sim {

class SharedLink {
public:
  SharedLink(double bytes_per_s, double latency_s)
      : bytes_per_s_(bytes_per_s), latency_s_(latency_s) {}

  /// Begins transfer `id`; not before any earlier call's time.
  void start(std::uint64_t id, double bytes, double now_s) {
    move_to(now_s);
    transfers_.push_back({served_ + bytes + latency_s_ * bytes_per_s_, id});
    std::push_heap(transfers_.begin(), transfers_.end());
  }
  /// When the next transfer ends, if none is added.
  double next_s() const noexcept {
    if (transfers_.empty()) return std::numeric_limits<double>::infinity();
    return now_s_ + std::max(0.0, transfers_.front().until - served_) *
                        static_cast<double>(transfers_.size()) / bytes_per_s_;
  }
  /// Ends the transfer of next_s().
  std::uint64_t finish() {
    const double end_s = next_s();
    const Transfer first = transfers_.front();
    std::pop_heap(transfers_.begin(), transfers_.end());
    transfers_.pop_back();
    served_ = first.until;
    now_s_ = end_s;
    return first.id;
  }
  std::size_t active() const noexcept { return transfers_.size(); }
  /// How long `bytes` more would take if nothing else came or went.
  double estimate_s(double bytes) const noexcept {
    return latency_s_ + bytes * static_cast<double>(transfers_.size() + 1) / bytes_per_s_;
  }

private:
  struct Transfer {
    double until; // bytes served to each transfer since the beginning at which this one ends
    std::uint64_t id;
    bool operator<(const Transfer& o) const { return until > o.until; }
  };
  void move_to(double now_s) {
    if (!transfers_.empty())
      served_ += (now_s - now_s_) * bytes_per_s_ / static_cast<double>(transfers_.size());
    now_s_ = std::max(now_s_, now_s);
  }

  double bytes_per_s_;
  double latency_s_;
  double now_s_ = 0;
  double served_ = 0;
  std::vector<Transfer> transfers_;
};

} // namespace dsk::sim
