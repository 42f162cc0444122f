// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", 2011). A draw is a pure function of (seed, stream, index), so any
// thread may compute any draw, in any order, with the same result.
#pragma once

#include <array>
#include <cstdint>

namespace dsk {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// One block of the generator.
PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) noexcept;

/// Draws of one purpose: `stream` keeps arrivals, lengths and the like apart.
class Random {
public:
  Random(std::uint64_t seed, std::uint32_t stream) : seed_(seed), stream_(stream) {}

  /// Block `index`; `attempt` numbers further blocks of the same index (rejection methods).
  PhiloxBlock block(std::uint64_t index, std::uint32_t attempt = 0) const noexcept {
    return philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                       attempt, stream_},
                      {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  }
  /// Two uniform numbers of draw `index`, each in (0, 1), never an end.
  std::array<double, 2> uniform2(std::uint64_t index, std::uint32_t attempt = 0) const noexcept {
    const PhiloxBlock b = block(index, attempt);
    return {open_unit(b[0], b[1]), open_unit(b[2], b[3])};
  }

  /// 52 bits and a half, so that neither 0 nor 1 comes out.
  static double open_unit(std::uint32_t low, std::uint32_t high) noexcept {
    const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32 | low) >> 12;
    return (static_cast<double>(bits) + 0.5) * 0x1p-52;
  }

private:
  std::uint64_t seed_;
  std::uint32_t stream_;
};

// Inverse cumulative distribution functions of a uniform u in (0, 1).
double exponential_quantile(double u, double mean) noexcept;
double lognormal_quantile(double u, double mu, double sigma) noexcept;

/// A gamma variate with the given shape and mean 1 (Marsaglia and Tsang 2000, with the boost for
/// shapes below 1), from the draws of `index`.
double gamma_variate(const Random& random, std::uint64_t index, double shape) noexcept;

} // namespace dsk
