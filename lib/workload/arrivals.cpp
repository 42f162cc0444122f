#include "workload/arrivals.hpp"

#include <cmath>

#include "base/exact_math.hpp"

namespace dsk::workload {
namespace {

constexpr std::uint32_t stream = 1;
constexpr double pi = 3.14159265358979323846;

// sin on the whole line from + and * alone, so that it is the same everywhere: reduced to
// [-pi/2, pi/2], Taylor terms to x^21.
double exact_sin(double x) noexcept {
  const double turns = std::floor(x / pi + 0.5);
  const double r = x - turns * pi;
  const double z = r * r;
  double sum = 1;
  for (int n = 10; n >= 1; --n)
    sum = 1 - z * sum / (2 * n * (2 * n + 1));
  return (std::fmod(turns, 2) == 0 ? r : -r) * sum;
}

} // namespace

Arrivals::Arrivals(const ArrivalSpec& spec, std::uint64_t seed)
    : spec_(spec), random_(seed, stream) {}

// A gap of mean 1.
double Arrivals::unit_gap() noexcept {
  switch (spec_.process) {
  case ArrivalSpec::Process::constant:
    return count_ == 0 ? 0 : 1;
  case ArrivalSpec::Process::burst:
    return 0;
  case ArrivalSpec::Process::gamma:
    if (spec_.cv <= 0) return 1;
    return gamma_variate(random_, count_, 1 / (spec_.cv * spec_.cv));
  default:
    return exponential_quantile(random_.uniform2(count_)[0], 1);
  }
}

double Arrivals::next() noexcept {
  load_ += unit_gap();
  ++count_;
  switch (spec_.process) {
  case ArrivalSpec::Process::on_off: {
    // Silent periods take time without load.
    const double on_rate = spec_.rate_per_s * (spec_.on_s + spec_.off_s) / spec_.on_s;
    const double busy_s = load_ / on_rate;
    now_s_ = busy_s + std::floor(busy_s / spec_.on_s) * spec_.off_s;
    break;
  }
  case ArrivalSpec::Process::daily: {
    // Load up to t is rate (t - (peak - 1) sin(w t) / w), which rises: Newton's method from the
    // request before, held inside the bracket that the curve's depth gives.
    const double w = 2 * pi / spec_.day_s;
    const double depth = spec_.peak - 1;
    const double wanted = load_ / spec_.rate_per_s;
    double low = std::fmax(now_s_, wanted - depth / w);
    double high = wanted + depth / w;
    double t = std::fmin(std::fmax(now_s_, low), high);
    for (int i = 0; i < 100; ++i) {
      const double over = t - depth * exact_sin(w * t) / w - wanted;
      if (std::fabs(over) < 1e-9) break;
      (over < 0 ? low : high) = t;
      const double slope = 1 - depth * exact_sin(w * t + pi / 2);
      const double newton = t - over / slope;
      t = slope > 1e-3 && newton > low && newton < high ? newton : (low + high) / 2;
    }
    now_s_ = std::fmax(now_s_, t);
    break;
  }
  case ArrivalSpec::Process::burst:
    break;
  default:
    now_s_ = load_ / spec_.rate_per_s;
  }
  return now_s_;
}

} // namespace dsk::workload
