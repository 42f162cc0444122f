// Measures the choices of one product as a chain runs them: in a graph, over weights that are not
// in L2, with random x, and every candidate's result held against the fixed-order kernel before its
// time counts.
#pragma once

#include "linear/gemm.hpp"

namespace dsk::cuda {

class Tuner {
public:
  explicit Tuner(const Gemm& gemm);
  ~Tuner();
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  /// The fastest right choices for `from` to m rows: one that may be for multiples of a step only,
  /// then one for all.
  std::vector<Choice> best(std::uint64_t m, std::uint64_t from);
  /// Largest m that there was memory to measure.
  std::uint64_t most_rows() const { return most_rows_; }

private:
  void release();
  std::vector<Choice> candidates(std::uint64_t m) const;
  /// The smallest step whose multiples from `from` to m the library takes: 1, 2, 4, 8, 16, or 0 for
  /// none.
  std::uint64_t step_of(const Choice& choice, std::uint64_t m, std::uint64_t from) const;
  bool runs_right(const Choice& choice, std::uint64_t m);
  double time_us(const Choice& choice, std::uint64_t m, int replays);

  const Gemm& gemm_;
  std::uint64_t most_rows_ = 0;
  std::vector<const void*> weights_; // the weight and copies of it, together larger than L2
  void *x_ = nullptr, *y_ = nullptr, *expected_ = nullptr, *workspace_ = nullptr,
       *copies_ = nullptr;
  float* result_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

} // namespace dsk::cuda
