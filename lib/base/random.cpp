#include "base/random.hpp"

#include <cmath>

#include "base/exact_math.hpp"

namespace dsk {

PhiloxBlock philox4x32(PhiloxBlock c, std::array<std::uint32_t, 2> k) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

double exponential_quantile(double u, double mean) noexcept {
  return -mean * exact::log(u);
}

double lognormal_quantile(double u, double mu, double sigma) noexcept {
  return exact::exp(mu + sigma * exact::normal_quantile(u));
}

double gamma_variate(const Random& random, std::uint64_t index, double shape) noexcept {
  const double boosted = shape < 1 ? shape + 1 : shape;
  const double d = boosted - 1.0 / 3;
  const double c = 1 / (3 * std::sqrt(d));
  for (std::uint32_t attempt = 1;; ++attempt) {
    const auto u = random.uniform2(index, attempt);
    const double x = exact::normal_quantile(u[0]);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    // Accepts at least 95 % of attempts for every shape, so the loop ends.
    if (exact::log(u[1]) >= 0.5 * x * x + d - d * v + d * exact::log(v)) continue;
    double value = d * v;
    if (shape < 1) value *= exact::exp(exact::log(random.uniform2(index, 0)[0]) / shape);
    return value / shape;
  }
}

} // namespace dsk
