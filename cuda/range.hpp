// Named ranges for the vendor's profilers (NVTX 3, header-only): nearly free when no profiler
// listens.
#pragma once

#include <nvtx3/nvToolsExt.h>

namespace dsk::cuda {

class Range {
public:
  explicit Range(const char* name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

} // namespace dsk::cuda
