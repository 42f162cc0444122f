#include "sim/step_timer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "perf/step_curve.hpp"

namespace dsk::sim {
namespace {

constexpr std::size_t knots = 21 * perf::knots_per_octave; // lengths to 2 M tokens
constexpr std::size_t cache_size = std::size_t{1} << 13;

// The ends of the cells, ready made.
const std::array<double, knots>& knot_table() {
  static const std::array<double, knots> table = [] {
    std::array<double, knots> t{};
    for (std::size_t i = 0; i < knots; ++i)
      t[i] = perf::knot(i);
    return t;
  }();
  return table;
}

std::size_t slot_of(std::uint64_t key) {
  return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 51);
}
static_assert(cache_size == std::size_t{1} << (64 - 51));

} // namespace

StepTimer::StepTimer(const perf::StepModel& model, const Policy& policy, int dp)
    : model_(&model), policy_(policy), dp_(dp), knots_(knot_table().data()),
      has_floor_(policy.host_step_us > 0 || policy.host_sequence_us > 0 ||
                 policy.host_between_us > 0),
      rows_cache_(cache_size), attention_cache_(cache_size) {
  const auto most = static_cast<std::size_t>(policy.max_sequences) + 1;
  decode_rows_.assign(most * static_cast<std::size_t>(dp), -1);
  attention_.assign(most * knots, -1);
  chunk_launch_us_ = model.chunk_attention_us({1, 0});
}

double StepTimer::decode_rows_us(std::int64_t sequences) const {
  double& known = decode_rows_[static_cast<std::size_t>(sequences)];
  if (known < 0) {
    std::int64_t padded = busiest(sequences);
    const auto size =
        std::lower_bound(policy_.graph_sizes.begin(), policy_.graph_sizes.end(), padded);
    if (size != policy_.graph_sizes.end()) padded = *size;
    perf::StepRows rows;
    rows.sequences = static_cast<double>(std::max(sequences, dp_ == 1 ? padded : sequences));
    rows.busiest_sequences = static_cast<double>(padded);
    known = std::max(0.0, model_->rows_us(rows) + policy_.extra_step_us +
                              policy_.extra_sequence_us * rows.busiest_sequences);
  }
  return known;
}

double StepTimer::attention_at_knot(std::int64_t sequences, std::size_t index) const {
  double& known = attention_[static_cast<std::size_t>(sequences) * knots + index];
  if (known < 0)
    known = model_->decode_attention_us(static_cast<double>(sequences), perf::knot(index));
  return known;
}

StepTimer::Line StepTimer::line(std::int64_t sequences, double length) const {
  const double x = std::max(length, 1.0);
  const perf::Position at = perf::locate(x, knots);
  const std::int64_t on_rank = busiest(sequences);
  const double left = attention_at_knot(on_rank, at.index);
  const double right = attention_at_knot(on_rank, at.index + 1);
  const double x0 = knots_[at.index];
  const double x1 = knots_[at.index + 1];
  Line line;
  line.value = decode_rows_us(sequences) + left + at.fraction * (right - left);
  line.slope = (right - left) / (x1 - x0);
  line.until = at.index + 2 < knots ? x1 : 1e300;
  if (!has_floor_) return line;
  // The host of an eager engine sets the pace.
  const double n = static_cast<double>(sequences);
  const double floor = policy_.host_step_us + policy_.host_sequence_us * n;
  if (line.value < floor) {
    if (line.slope > 0) line.until = std::min(line.until, x + (floor - line.value) / line.slope);
    line.value = floor;
    line.slope = 0;
  }
  line.value += policy_.host_between_us;
  return line;
}

double StepTimer::decode_us(std::int64_t sequences, double mean_length, double skew) const {
  return line(sequences, mean_length + skew).value;
}

double StepTimer::run_us(std::int64_t sequences, double mean_length, double skew, double growth,
                         std::int64_t steps) const {
  double total = 0;
  std::int64_t done = 0;
  while (done < steps) {
    const double x = std::max(mean_length + skew + growth * static_cast<double>(done), 1.0);
    const Line l = line(sequences, x);
    // Steps whose length lies below the end of this line.
    const double inside = std::ceil((l.until - x) / growth);
    const std::int64_t m = inside >= static_cast<double>(steps - done)
                               ? steps - done
                               : std::max<std::int64_t>(1, static_cast<std::int64_t>(inside));
    const double count = static_cast<double>(m);
    total += count * (l.value + l.slope * growth * (count - 1) / 2);
    done += m;
  }
  return total;
}

std::int64_t StepTimer::steps_within(std::int64_t sequences, double mean_length, double skew,
                                     double growth, std::int64_t steps, double us) const {
  double left = us;
  std::int64_t done = 0;
  while (done < steps) {
    const double x = std::max(mean_length + skew + growth * static_cast<double>(done), 1.0);
    const Line l = line(sequences, x);
    const double inside = std::ceil((l.until - x) / growth);
    const std::int64_t m = inside >= static_cast<double>(steps - done)
                               ? steps - done
                               : std::max<std::int64_t>(1, static_cast<std::int64_t>(inside));
    const double b = l.slope * growth / 2; // sum of j steps: b j^2 + (value - b) j
    const double a = l.value - b;
    const auto sum = [&](std::int64_t j) {
      const double count = static_cast<double>(j);
      return (b * count + a) * count;
    };
    if (sum(m) < left) {
      left -= sum(m);
      done += m;
      continue;
    }
    const double root = b > 0 ? 2 * left / (a + std::sqrt(a * a + 4 * b * left)) : left / l.value;
    std::int64_t j = std::clamp<std::int64_t>(static_cast<std::int64_t>(root), 1, m);
    while (j > 1 && sum(j - 1) >= left)
      --j;
    while (j < m && sum(j) < left)
      ++j;
    return done + j;
  }
  return steps;
}

double StepTimer::prefill_us(std::int64_t sequences, double mean_length, double skew,
                             const PrefillWork& work) const {
  const std::uint64_t key = (static_cast<std::uint64_t>(sequences) << 48) ^
                            (static_cast<std::uint64_t>(work.tokens) << 24) ^
                            (static_cast<std::uint64_t>(work.busiest_tokens) << 8) ^
                            static_cast<std::uint64_t>(work.prompts);
  Cached& cached = rows_cache_[slot_of(key)];
  // The four counts together have more than 64 bits only for sizes that no engine runs.
  if (cached.key != key || work.prompts > 255 || work.tokens >= (1 << 24) ||
      work.busiest_tokens >= (1 << 16)) {
    perf::StepRows rows;
    rows.sequences = static_cast<double>(sequences);
    rows.busiest_sequences = static_cast<double>(busiest(sequences));
    rows.prefill_tokens = static_cast<double>(work.tokens);
    rows.busiest_prefill_tokens = static_cast<double>(work.busiest_tokens);
    rows.prompts = work.prompts;
    cached = {
        key, std::max(0.0, model_->rows_us(rows) + policy_.prefill_step_us + policy_.extra_step_us +
                               policy_.extra_sequence_us * (rows.busiest_sequences + rows.prompts) +
                               policy_.extra_token_us * (rows.sequences + rows.prefill_tokens))};
    if (work.prompts > 255 || work.tokens >= (1 << 24) || work.busiest_tokens >= (1 << 16))
      cached.key = ~std::uint64_t{0};
  }
  double us = cached.value + work.attention_us + (work.tokens > 0 ? chunk_launch_us_ : 0);
  if (sequences > 0) {
    const double x = std::max(mean_length + skew, 1.0);
    const perf::Position at = perf::locate(x, knots);
    const double left = attention_at_knot(busiest(sequences), at.index);
    const double own =
        left + at.fraction * (attention_at_knot(busiest(sequences), at.index + 1) - left);
    us += policy_.mixed_tile_rows > 0 && work.tokens > 0
              ? std::max(own, static_cast<double>(busiest(sequences)) * tile_us(x))
              : own;
  }
  us += policy_.spill_token_us *
        std::max(0.0, static_cast<double>(sequences + work.tokens) - policy_.spill_tokens);
  const double n = static_cast<double>(sequences + work.prompts);
  const double host = std::max(policy_.host_step_us, policy_.host_prefill_us);
  return std::max(us, host + policy_.host_sequence_us * n) + policy_.host_between_us;
}

// A decoding sequence at `length` as a tile of a prefill kernel that is full of them.
double StepTimer::tile_us(double length) const {
  constexpr std::int64_t full = 2048;
  constexpr std::int64_t grain = 64;
  const std::int64_t context = (std::llround(length) / grain + 1) * grain;
  return (chunk_attention_us(full, context) - chunk_attention_us(full, 0)) *
         policy_.mixed_tile_rows / static_cast<double>(full);
}

double StepTimer::chunk_attention_us(std::int64_t new_tokens, std::int64_t context) const {
  const std::uint64_t key =
      (static_cast<std::uint64_t>(new_tokens) << 32) ^ static_cast<std::uint64_t>(context);
  Cached& cached = attention_cache_[slot_of(key)];
  if (cached.key != key)
    cached = {key,
              std::max(0.0, model_->chunk_attention_us({new_tokens, context}) - chunk_launch_us_)};
  return cached.value;
}

} // namespace dsk::sim
