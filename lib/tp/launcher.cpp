#include "tp/launcher.hpp"

#include <charconv>

#include "base/error.hpp"
#include "base/text.hpp"
#include "dsk/tp.h"

namespace dsk::tp {
namespace {

using Variable = std::function<std::string(const char*)>;

std::uint32_t number(const Variable& variable, const char* name, std::uint32_t largest) {
  const std::string text = variable(name);
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size() || value > largest)
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "the environment variable " + std::string(name) +
                    (text.empty() ? " is not set" : " is \"" + preview_text(text) + "\"") +
                    "; it must be a number from 0 to " + std::to_string(largest));
  return value;
}

std::uint32_t number_or(const Variable& variable, const char* name, std::uint32_t largest,
                        std::uint32_t otherwise) {
  return variable(name).empty() ? otherwise : number(variable, name, largest);
}

/// The first host of a Slurm node list: "gpu[03-05,9],x1" begins with gpu03.
std::string first_host(const std::string& list) {
  const std::size_t bracket = list.find_first_of("[,");
  if (bracket == std::string::npos || list[bracket] == ',') return list.substr(0, bracket);
  const std::size_t end = list.find_first_of("-,]", bracket);
  return list.substr(0, bracket) +
         list.substr(bracket + 1, end == std::string::npos ? end : end - bracket - 1);
}

} // namespace

Launch read_launch(const Variable& variable) {
  constexpr std::uint32_t most = DSK_TP_MAX_RANKS - 1;
  const auto set = [&](const char* name) { return !variable(name).empty(); };
  Launch out;
  out.address = variable("MASTER_ADDR");
  std::uint32_t port = number_or(variable, "MASTER_PORT", 65534, out.port);
  if (set("RANK") || set("WORLD_SIZE")) {
    out.launcher = "torchrun";
    out.world = number(variable, "WORLD_SIZE", DSK_TP_MAX_RANKS);
    out.rank = number(variable, "RANK", most);
    out.local_rank = number_or(variable, "LOCAL_RANK", most, 0);
    // torchrun's agent may itself listen on MASTER_PORT; the next port is then ours on every rank.
    if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True") ++port;
  } else if (set("OMPI_COMM_WORLD_SIZE")) {
    out.launcher = "mpirun";
    out.world = number(variable, "OMPI_COMM_WORLD_SIZE", DSK_TP_MAX_RANKS);
    out.rank = number(variable, "OMPI_COMM_WORLD_RANK", most);
    out.local_rank = number_or(variable, "OMPI_COMM_WORLD_LOCAL_RANK", most, 0);
  } else if (set("LWS_GROUP_SIZE")) {
    // A group is one replica: a pod per node. With more than one process a pod, torchrun inside it
    // sets RANK.
    out.launcher = "LeaderWorkerSet";
    out.world = number(variable, "LWS_GROUP_SIZE", DSK_TP_MAX_RANKS);
    out.rank = number(variable, "LWS_WORKER_INDEX", most);
    if (out.address.empty()) out.address = variable("LWS_LEADER_ADDRESS");
    if (out.address.empty())
      throw Error(DSK_STATUS_INVALID_ARGUMENT,
                  "the environment variable LWS_LEADER_ADDRESS is not set");
  } else if (set("SLURM_NTASKS")) {
    out.launcher = "srun";
    out.world = number(variable, "SLURM_NTASKS", DSK_TP_MAX_RANKS);
    out.rank = number(variable, "SLURM_PROCID", most);
    out.local_rank = number_or(variable, "SLURM_LOCALID", most, 0);
    if (out.address.empty()) out.address = first_host(variable("SLURM_STEP_NODELIST"));
    if (out.address.empty()) out.address = first_host(variable("SLURM_JOB_NODELIST"));
  } else {
    throw Error(
        DSK_STATUS_INVALID_ARGUMENT,
        "no launcher is recognised: none of WORLD_SIZE (torchrun), OMPI_COMM_WORLD_SIZE (mpirun), "
        "LWS_GROUP_SIZE (LeaderWorkerSet) and SLURM_NTASKS (srun) is set");
  }
  if (out.world == 0 || out.rank >= out.world)
    throw Error(DSK_STATUS_INVALID_ARGUMENT, "the environment of " + out.launcher + " says rank " +
                                                 std::to_string(out.rank) + " of " +
                                                 std::to_string(out.world));
  if (out.world == 1 && out.address.empty()) out.address = "127.0.0.1";
  if (out.address.empty())
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "the environment variable MASTER_ADDR is not set: it names the host of rank 0");
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

} // namespace dsk::tp
