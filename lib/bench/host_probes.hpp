// What the host's memory and disk reach: subjects for the harness.
#pragma once

#include <memory>
#include <string>

#include "bench/harness.hpp"

namespace dsk::bench {

/// Work that is ready to be measured, with what one iteration moves.
struct Prepared {
  Subject subject;
  double bytes = 0;
  double flops = 0;
  Json facts = Json::object(); // beside the measurement: threads, sizes, kernel
};

enum class HostMemoryKind { read, write, copy, triad };

/// Streams over arrays of `array_bytes` a thread. Bytes are those that the loop names: read n,
/// write n, copy 2 n, triad 3 n; what a cache reads before a write is not counted (as in STREAM).
Prepared host_memory(HostMemoryKind kind, int threads, std::size_t array_bytes);

/// Arrays of four times the last-level cache, at least 64 MiB over all threads.
std::size_t host_array_bytes(int threads);

/// Reads of `block_bytes` from `path` that go past the page cache where the file system allows it;
/// `random` jumps, otherwise in order. `threads` readers at once.
/// Throws IO when the file cannot be read or is smaller than 64 MiB.
Prepared disk_read(const std::string& path, std::size_t block_bytes, bool random, int threads);

} // namespace dsk::bench
