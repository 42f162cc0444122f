// Plans on several ranks against the unsharded layer on the CPU: ranks in one process, and in one
// process each.
#include "layers.hpp"
#include "parts.hpp"
#include "process.hpp"
#include "report.hpp"
#include "tp/port.hpp"

namespace multi {
namespace {

/// The problems of the check, made when they are first asked for: their references take seconds.
class Problems {
public:
  explicit Problems(const Options& options);
  std::size_t size() const { return wanted_.size(); }
  const Problem& at(std::size_t i) {
    if (!made_[i])
      made_[i] =
          std::make_unique<Problem>(wanted_[i].kind, wanted_[i].format, wanted_[i].m, wanted_[i].n,
                                    wanted_[i].k, static_cast<std::uint32_t>(i));
    return *made_[i];
  }

private:
  struct Wanted {
    Kind kind;
    dsk_dtype format;
    std::uint64_t m, n, k;
  };
  std::vector<Wanted> wanted_;
  std::vector<std::unique_ptr<Problem>> made_;
};

Problems::Problems(const Options& options) {
  // Scale blocks of 128 columns stay whole on 8 ranks; the last inner width, a sixteenth of
  // Qwen2.5-72B's, divides by no number of ranks.
  const std::uint64_t n = options.small ? 128 : 1024, k = options.small ? 512 : 1024;
  const std::uint64_t odd = options.small ? 264 : 1848;
  for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3, DSK_DTYPE_F32})
    for (const Kind kind : {Kind::column, Kind::gather, Kind::row, Kind::row_norm, Kind::mlp})
      for (const std::uint64_t m : {1, 7, 64}) {
        if (m == 64 && (options.small || format != DSK_DTYPE_BF16)) continue;
        wanted_.push_back({kind, format, m, n, k});
      }
  wanted_.push_back({Kind::mlp, DSK_DTYPE_BF16, 5, n, odd});
  made_.resize(wanted_.size());
}

void emit_wrong(const std::string& part, const std::string& what) {
  Line("wrong").set("part", part).set("what", what).emit();
}

} // namespace

void check(const Options& options) {
  Problems list(options);
  for (const bool own : {true, false})
    for (const std::uint32_t world : options.worlds) {
      const std::string name = own ? "own" : "NCCL", what = name + ", n = " + std::to_string(world);
      if (!options.time_left(2)) {
        Line("unfinished").set("part", "check").set("what", what).emit();
        continue;
      }
      if (!own && options.backend == "cpu") {
        emit_skip("check", what, "there is no NCCL for the CPU");
        continue;
      }
      std::unique_ptr<Local> local;
      try {
        local = std::make_unique<Local>(
            options, world, own ? DSK_TP_TRANSPORT_PEER : DSK_TP_TRANSPORT_VENDOR, 20000);
      } catch (const Failed& e) {
        emit_skip("check", what, e.what());
        continue;
      }
      // The CPU's ranks once with a thread each and once with one thread for all.
      for (const bool one_thread : {options.one_device, true}) {
        if (one_thread && !options.one_device && options.backend != "cpu") continue;
        Crew crew(world, one_thread);
        Verdict verdict{"check", one_thread ? "one thread" : "threads",
                        transport_of(local->comms[0].get()), world};
        for (std::size_t i = 0; i < list.size(); ++i) {
          if (!options.time_left(1)) {
            Line("unfinished")
                .set("part", "check")
                .set("what", what + ": " + std::to_string(i) + " of " +
                                 std::to_string(list.size()) + " done")
                .emit();
            break;
          }
          const Problem& problem = list.at(i);
          std::vector<double> shares(crew.drivers().size());
          crew.run([&](const Driver& driver) {
            shares[driver.index] =
                run_problem(problem, local->team(driver), own, [&] { crew.meet(); });
          });
          for (const double share : shares) {
            verdict.add(share);
            if (!(share <= 1)) emit_wrong("check", what + ": " + problem.text());
          }
        }
        if (verdict.cases) emit(verdict);
        if (options.one_device) break;
      }
    }
}

namespace {

/// One process for each rank of `world`, each of which says what it found.
void in_processes(const Options& options, std::uint32_t world, const char* transport) {
  const ReservedPort held;
  const std::string port = std::to_string(held.number());
  std::vector<std::unique_ptr<Child>> ranks;
  for (std::uint32_t r = 0; r < world; ++r)
    ranks.push_back(std::make_unique<Child>(
        rank_arguments(options, "processes"),
        std::map<std::string, std::string>{{"RANK", std::to_string(r)},
                                           {"LOCAL_RANK", std::to_string(r)},
                                           {"WORLD_SIZE", std::to_string(world)},
                                           {"MASTER_ADDR", "127.0.0.1"},
                                           {"MASTER_PORT", port},
                                           {"MULTI_TRANSPORT", transport}}));
  std::string line;
  std::size_t from = 0;
  while (next_line(ranks, options.until_s + 5, from, line))
    pass_on(line);
  for (std::uint32_t r = 0; r < world; ++r) {
    if (!ranks[r]->ended()) ranks[r]->kill_now();
    if (const int code = ranks[r]->wait(); code != 0)
      emit_wrong("processes", "n = " + std::to_string(world) + ", " + transport + ": rank " +
                                  std::to_string(r) + " ended with code " + std::to_string(code));
  }
}

} // namespace

void check_processes(const Options& options) {
  for (const std::uint32_t world : options.worlds) {
    const std::string what = "n = " + std::to_string(world);
    if (!options.time_left(options.small ? 2 : 12)) {
      Line("unfinished").set("part", "processes").set("what", what).emit();
      continue;
    }
    if (options.one_device) {
      emit_skip("processes", what, "NCCL takes one rank of a communicator for each device");
      continue;
    }
    in_processes(options, world, "auto");
    // Refused as long as the own protocol runs in one process only; then this is a skip.
    if (options.backend != "cpu" && world == options.worlds.back() &&
        options.time_left(options.small ? 2 : 12))
      in_processes(options, world, "peer");
  }
}

void check_rank(const Options& options) {
  dsk_tp_comm_options wanted = DSK_TP_COMM_OPTIONS_INIT;
  wanted.timeout_ms = 20000;
  const bool own = std::string(std::getenv("MULTI_TRANSPORT")) == "peer";
  if (own) wanted.transport = DSK_TP_TRANSPORT_PEER;
  dsk_tp_comm* raw = nullptr;
  dsk_error* error = nullptr;
  const dsk_status status = dsk_tp_comm_create_from_env(
      options.backend.data(), options.backend.size(), &wanted, &raw, &error);
  if (own && status == DSK_STATUS_UNSUPPORTED) {
    const layer::Owned<dsk_error> refusal(error);
    if (std::string(std::getenv("RANK")) == "0")
      emit_skip("processes", "own all-reduce", dsk_error_message(error));
    return;
  }
  need(status, error);
  const layer::Owned<dsk_tp_comm> comm(raw);
  dsk_tp_comm_info info = DSK_TP_COMM_INFO_INIT;
  need(dsk_tp_comm_get_info(raw, &info, &error), error);
  const auto device = open_device(options, info.rank);
  const Team team{{device.get()}, {raw}};
  Verdict verdict{"processes", "processes", info.transport, info.world};
  // All ranks have to leave at the same problem, so the clock is not asked in between.
  Problems list(options);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Problem& problem = list.at(i);
    const double share = run_problem(problem, team, own || options.backend == "cpu", [] {});
    verdict.add(share);
    if (!(share <= 1))
      emit_wrong("processes", "rank " + std::to_string(info.rank) + " of " +
                                  std::to_string(info.world) + ": " + problem.text());
  }
  emit(verdict);
}

} // namespace multi
