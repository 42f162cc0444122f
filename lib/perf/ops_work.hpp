// What an operator does, in closed form: floating-point operations (a multiply and an add are two)
// and bytes of device memory that must move at least once. All sizes are those of one device.
// Forms re-derived from the definition of each operator; they agree with those published in the
// Rust sources of ai-dynamo/aiconfigurator 095f58a5 (2026-08-21), except that attention's causal
// triangle is exact here: n tokens after c cached ones see n c + n (n + 1) / 2 keys.
#pragma once

#include <algorithm>
#include <cmath>

namespace dsk::perf {

struct Work {
  double flops = 0;
  double bytes = 0;

  Work& operator+=(const Work& other) {
    flops += other.flops;
    bytes += other.bytes;
    return *this;
  }
  friend Work operator+(Work a, const Work& b) { return a += b; }
  friend Work operator*(double factor, Work work) {
    work.flops *= factor;
    work.bytes *= factor;
    return work;
  }
};

/// Y[m, n] = X[m, k] W[n, k]^T, `copies` times: weights once, inputs and outputs once.
/// `weight_bytes` is the stored size of one W with its scales.
inline Work gemm_work(double m, double n, double k, double copies, double weight_bytes,
                      double input_element_bytes, double output_element_bytes = 2) {
  return {2 * m * n * k * copies,
          copies * (weight_bytes + m * k * input_element_bytes + m * n * output_element_bytes)};
}

/// Query-key pairs of `fresh` tokens after `context` cached ones, each seeing at most `window`
/// tokens, itself included (0 = all).
inline double causal_pairs(double fresh, double context, double window) {
  const double full = fresh * context + fresh * (fresh + 1) / 2;
  if (window <= 0 || context + fresh <= window) return full;
  if (context + 1 >= window) return fresh * window;
  const double ramp = window - context; // tokens that still see all of the past
  return ramp * context + ramp * (ramp + 1) / 2 + (fresh - ramp) * window;
}

/// Routed experts of one device: `slots` token-expert pairs, `experts_hit` weights streamed.
/// Gate, up and down: three products of hidden x intermediate a slot.
inline Work experts_work(double slots, double experts_hit, double hidden, double intermediate,
                         double expert_bytes, double input_element_bytes) {
  return {6 * slots * hidden * intermediate,
          experts_hit * expert_bytes +
              slots * (hidden * (input_element_bytes + 2) + 3 * intermediate * 2)};
}

} // namespace dsk::perf
