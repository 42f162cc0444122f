// What a launcher (torchrun, mpirun, srun, a LeaderWorkerSet) says about this process, from its
// environment.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace dsk::tp {

struct Launch {
  std::string launcher;
  std::uint32_t rank = 0, world = 1, local_rank = 0;
  std::string address; // of rank 0
  std::uint16_t port = 29500;
};

/// `variable` gives the value of an environment variable, "" when it is not set.
/// Throws INVALID_ARGUMENT that names the variable that is missing or wrong.
Launch read_launch(const std::function<std::string(const char*)>& variable);

} // namespace dsk::tp
