// The products of a model's linear layers on one rank of a tensor-parallel group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/model.hpp"

namespace dsk::bench {

/// y[m, n] = x[m, k] w[n, k]^T.
struct Linear {
  std::string name;
  std::uint64_t n = 0;
  std::uint64_t k = 0;
};

/// Each distinct product once: attention projections as engines fuse them (q, k and v; the two
/// down-projections of MLA), MLP, shared and routed experts, LM head. Widths that `tp` does not
/// divide are rounded up. Attention kinds other than grouped-query and MLA are left out.
std::vector<Linear> linears_of(const Model& model, int tp);

} // namespace dsk::bench
