// What has to hold when hosts are late and when ranks are lost.
#include <random>
#include <thread>

#include "layers.hpp"
#include "parts.hpp"
#include "process.hpp"
#include "report.hpp"
#include "tp/port.hpp"

namespace multi {
namespace {

using layer::Bytes;

/* -------------------------------------------------------------------- replays */

/// Two gated MLPs with a norm behind each, one's output the other's input: every replay starts from
/// the last one's result, so that a stale or torn message changes all that follows.
struct Loop {
  std::uint64_t m, hidden, inner;
  std::vector<layer::Weight> weights;
  Bytes gamma, start;

  Loop(bool small) : m(4), hidden(small ? 64 : 1024), inner(small ? 128 : 2048) {
    layer::Rng rng(77);
    for (int i = 0; i < 2; ++i) {
      weights.emplace_back(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, inner, hidden, false);
      weights.emplace_back(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, inner, hidden, false);
      weights.emplace_back(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, hidden, inner, false);
    }
    gamma = Bytes(hidden * 2);
    for (std::uint64_t i = 0; i < hidden; ++i)
      layer::write(gamma.data(), DSK_DTYPE_BF16, i, 1);
    start = layer::random_tensor(rng, DSK_DTYPE_BF16, m * hidden);
  }
  Step plan(dsk_tp_comm* comm, std::size_t which) const {
    const dsk_tp_weight gate = weights[3 * which].describe(),
                        up = weights[3 * which + 1].describe(),
                        down = weights[3 * which + 2].describe();
    dsk_tp_mlp_desc desc = DSK_TP_MLP_DESC_INIT;
    desc.flags = DSK_TP_NO_MEASURE;
    desc.activation_dtype = DSK_DTYPE_BF16;
    desc.max_m = m;
    desc.gamma = gamma.data();
    desc.gate = &gate;
    desc.up = &up;
    desc.down = &down;
    return Step(comm, desc);
  }
};

/// States of every rank at some replays; [checkpoint][rank].
using States = std::vector<std::vector<Bytes>>;

class LoopRun {
public:
  LoopRun(const Options& options, std::uint32_t world, dsk_tp_transport transport, const Loop& loop)
      : local_(options, world, transport, 20000), crew_(world, options.one_device), loop_(loop),
        world_(world) {}
  std::string transport() const { return transport_of(local_.comms[0].get()); }
  /// What one replay of the last run took.
  double replay_s() const { return replay_s_; }

  /// With `graph`, replays; otherwise calls. With `delays`, every driver pauses at random first.
  States run(std::uint64_t replays, std::uint64_t checkpoints, bool graph, bool delays) {
    States states(checkpoints, std::vector<Bytes>(world_));
    crew_.run([&](const Driver& driver) {
      const Team team = local_.team(driver);
      std::vector<Step> steps;
      std::vector<Memory> a, b, spaces;
      std::vector<Stream> streams;
      for (std::size_t i = 0; i < team.size(); ++i) {
        for (std::size_t which = 0; which < 2; ++which)
          steps.push_back(loop_.plan(team.comms[i], which));
        a.emplace_back(team.devices[i], loop_.start);
        b.emplace_back(team.devices[i], loop_.start.size());
        spaces.emplace_back(team.devices[i], std::max(steps[2 * i].info.workspace_bytes,
                                                      steps[2 * i + 1].info.workspace_bytes));
        streams.emplace_back(team.devices[i]);
      }
      const auto args = [&](std::size_t i, std::size_t which) {
        return args_of(loop_.m, (which ? b : a)[i].get(), (which ? a : b)[i].get(), spaces[i]);
      };
      const auto chain = new_graph(team);
      for (std::size_t i = 0; i < team.size(); ++i)
        for (std::size_t which = 0; which < 2; ++which)
          steps[2 * i + which].add_to(chain.get(), args(i, which));
      capture(chain.get());
      crew_.meet();
      std::minstd_rand random(driver.index + 1);
      const double start = now_s();
      for (std::uint64_t done = 0, checkpoint = 0; done < replays;) {
        if (delays) pause(random);
        if (graph)
          replay(chain.get(), streams[0].get());
        else
          for (std::size_t which = 0; which < 2; ++which)
            together(team, [&](std::size_t i) {
              steps[2 * i + which].enqueue(args(i, which), streams[i].get());
            });
        ++done;
        if (done < (checkpoint + 1) * replays / checkpoints) continue;
        for (std::size_t i = 0; i < team.size(); ++i)
          wait(team.comms[i], streams[graph ? 0 : i].get());
        for (std::size_t i = 0; i < team.size(); ++i)
          states[checkpoint][driver.ranks[i]] = a[i].read();
        ++checkpoint;
      }
      if (driver.index == 0) replay_s_ = (now_s() - start) / static_cast<double>(replays);
      crew_.meet();
    });
    return states;
  }

private:
  /// Half the time none, mostly some microseconds, now and then a millisecond.
  static void pause(std::minstd_rand& random) {
    const auto draw = random();
    if (draw % 2) return;
    if (draw % 512 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
      return;
    }
    const double until = now_s() + static_cast<double>(random() % 20) * 1e-6;
    while (now_s() < until) {
    }
  }

  Local local_;
  Crew crew_;
  const Loop& loop_;
  std::uint32_t world_;
  double replay_s_ = 0;
};

/// Wrong states: ranks that differ from rank 0, and from `expected`.
std::uint64_t wrong_states(const States& states, const States& expected) {
  std::uint64_t wrong = 0;
  for (std::size_t c = 0; c < states.size(); ++c)
    for (const Bytes& state : states[c])
      wrong += state != states[c][0] || state != expected[c][0] ? 1 : 0;
  return wrong;
}

} // namespace

void replays(const Options& options) {
  const Loop loop(options.small);
  const std::uint64_t most = options.small ? 400 : 100000, checkpoints = 10;
  for (const bool own : {true, false})
    for (const std::uint32_t world : options.worlds) {
      const std::string what = (own ? "own, n = " : "NCCL, n = ") + std::to_string(world);
      if (!own && options.backend == "cpu") {
        emit_skip("replays", what, "there is no NCCL for the CPU");
        continue;
      }
      if (!options.time_left(3)) {
        Line("unfinished").set("part", "replays").set("what", what).emit();
        continue;
      }
      std::unique_ptr<LoopRun> run;
      try {
        run = std::make_unique<LoopRun>(
            options, world, own ? DSK_TP_TRANSPORT_PEER : DSK_TP_TRANSPORT_VENDOR, loop);
      } catch (const Failed& e) {
        emit_skip("replays", what, e.what());
        continue;
      }
      Verdict verdict{"replays", options.one_device ? "one thread" : "threads", run->transport(),
                      world};
      // A short run by calls is what the first replays have to give.
      const std::uint64_t few = 40;
      const States calls = run->run(few, checkpoints, false, false);
      const States first = run->run(few, checkpoints, true, false);
      verdict.add(wrong_states(first, calls) == 0 ? 0 : HUGE_VAL);
      // States have to move, or a stale message would look right.
      std::uint64_t moved = 0;
      for (std::size_t c = 1; c < calls.size(); ++c)
        moved += calls[c][0] != calls[c - 1][0] ? 1 : 0;
      verdict.add(moved + 1 == calls.size() ? 0 : HUGE_VAL);
      (void)run->run(options.small ? few : 2000, 1, true, false);
      // Once without delays and once with them, which add about 40 us for the slowest rank.
      const double both_s = 2 * run->replay_s() + 40e-6;
      const auto fits =
          static_cast<std::uint64_t>(std::fmax(0, (options.until_s - now_s()) * 0.8 / both_s));
      const std::uint64_t count = std::min(most, fits / checkpoints * checkpoints);
      std::uint64_t wrong = 0;
      if (count > 0) {
        const States steady = run->run(count, checkpoints, true, false);
        const States delayed = run->run(count, checkpoints, true, true);
        wrong = wrong_states(steady, steady) + wrong_states(delayed, steady);
        verdict.add(wrong == 0 ? 0 : HUGE_VAL);
      }
      emit(verdict);
      if (count < most)
        Line("unfinished")
            .set("part", "replays")
            .set("what", what + ": " + std::to_string(count) + " of " + std::to_string(most))
            .emit();
      if (count > 0)
        emit(options,
             {"G15 replays", world,
              "wrong states of " + std::to_string(checkpoints * world * 2) + " after " +
                  std::to_string(count) + " replays with random host delays, " + run->transport(),
              static_cast<double>(wrong),
              "dsk_tp_graph_replay, two MLPs a graph, a rank a thread"});
    }
}

/* ----------------------------------------------------------------------- loss */

namespace {

Problem probe_layer(const Options& options) {
  return Problem(Kind::row, DSK_DTYPE_BF16, 4, options.small ? 64 : 1024,
                 options.small ? 256 : 2048, 5);
}

/// One rank of `world` makes no call; the others have to say so.
void stop_calling(const Options& options, std::uint32_t world, const Problem& problem) {
  const std::uint32_t lost = world - 1;
  const std::uint64_t limit_ms =
      options.small ? 600 : 1000; // no survivor of a loaded machine is so late
  Verdict verdict{"loss", options.one_device ? "one thread" : "threads", "", world};
  double report_ms = 0;
  {
    const Local local(options, world, DSK_TP_TRANSPORT_PEER, limit_ms);
    verdict.transport = transport_of(local.comms[0].get());
    Crew crew(world, false); // each survivor by itself, also on one device: there rank 0 alone
    std::vector<double> took(world);
    std::vector<std::int32_t> named(world, DSK_TP_NO_RANK);
    const auto survives = [&](std::uint32_t r) {
      return r != lost && (!options.one_device || r == 0);
    };
    crew.run([&](const Driver& driver) {
      const std::uint32_t r = driver.ranks[0];
      dsk_tp_device* device = local.devices[r].get();
      dsk_tp_comm* comm = local.comms[r].get();
      const Step step = problem.plan(comm, DSK_TP_NO_MEASURE);
      const Memory x(device, problem.input(step.info)), y(device, problem.m * problem.n * 2),
          space(device, step.info.workspace_bytes);
      const Stream stream(device);
      crew.meet();
      if (!survives(r)) {
        crew.meet();
        return;
      }
      const double start = now_s();
      try {
        step.enqueue(args_of(problem.m, x.get(), y.get(), space), stream.get());
        wait(comm, stream.get());
      } catch (const Failed&) {
        dsk_tp_comm_info info = DSK_TP_COMM_INFO_INIT;
        dsk_error* error = nullptr;
        need(dsk_tp_comm_get_info(comm, &info, &error), error);
        named[r] = info.lost_rank;
      }
      took[r] = (now_s() - start) * 1000;
      crew.meet();
    });
    for (std::uint32_t r = 0; r < world; ++r) {
      if (!survives(r)) continue;
      verdict.add(named[r] == static_cast<std::int32_t>(lost) ? 0 : HUGE_VAL);
      report_ms = std::max(report_ms, took[r] - static_cast<double>(limit_ms));
    }
  }
  const double start = now_s();
  const Local again(options, world, DSK_TP_TRANSPORT_PEER, 20000);
  Crew crew(world, options.one_device);
  std::vector<double> shares(crew.drivers().size());
  crew.run([&](const Driver& driver) {
    shares[driver.index] = run_problem(problem, again.team(driver), true, [&] { crew.meet(); });
  });
  const double recreate_ms = (now_s() - start) * 1000;
  for (const double share : shares)
    verdict.add(share);
  emit(verdict);
  const std::string how = ", a rank that stops calling, " + verdict.transport;
  emit(options,
       {"G15 report", world,
        "last survivor's report after the limit of " + std::to_string(limit_ms) + " ms" + how,
        report_ms, "bounded waits of the own protocol; the lost rank is named"});
  emit(options, {"G15 recreate", world, "new communicator and a checked layer" + how, recreate_ms,
                 "dsk_tp_comm_create_local in the same process"});
}

/// What a rank process tells the part that started it.
struct Word {
  std::string what;
  double at_s = 0;
  std::int32_t rank = 0, lost = 0;
  bool parse(const std::string& line) {
    char text[16];
    const bool ok = std::sscanf(line.c_str(), "@%15s %lf %d %d", text, &at_s, &rank, &lost) == 4;
    if (ok) what = text;
    return ok;
  }
};

/// kill -9 of one of `world` processes in the middle of its work.
void kill_one(const Options& options, std::uint32_t world, std::uint32_t victim) {
  const std::string what =
      "kill -9 of rank " + std::to_string(victim) + " of " + std::to_string(world);
  const ReservedPort first, second;
  const std::string first_port = std::to_string(first.number()),
                    second_port = std::to_string(second.number());
  const auto start_rank = [&](std::uint32_t rank, const std::string& port,
                              const std::string& turn) {
    return std::make_unique<Child>(
        rank_arguments(options, "loss"),
        std::map<std::string, std::string>{{"RANK", std::to_string(rank)},
                                           {"LOCAL_RANK", std::to_string(rank)},
                                           {"WORLD_SIZE", std::to_string(world)},
                                           {"MASTER_ADDR", "127.0.0.1"},
                                           {"MASTER_PORT", port},
                                           {"MULTI_SECOND_PORT", second_port},
                                           {"MULTI_TURN", turn}});
  };
  std::vector<std::unique_ptr<Child>> ranks; // and, behind them, the one that stands by
  for (std::uint32_t r = 0; r < world; ++r)
    ranks.push_back(start_rank(r, first_port, "first"));
  Verdict verdict{"loss", "processes", options.backend == "cpu" ? "tcp" : "nccl", world};
  std::uint32_t ready = 0, reports = 0, back = 0;
  double killed_s = 0, last_report_s = 0, last_back_s = 0;
  std::string line;
  std::size_t from = 0;
  const double until = std::min(options.until_s + 5, now_s() + 60);
  while (next_line(ranks, until, from, line)) {
    Word word;
    if (!word.parse(line)) {
      pass_on(line);
      continue;
    }
    if (word.what == "ready" && ++ready == world)
      ranks.push_back(start_rank(victim, second_port, "second"));
    if (word.what == "standby") {
      std::this_thread::sleep_for(std::chrono::milliseconds(50)); // into the middle of their work
      killed_s = now_s();
      ranks[victim]->kill_now();
    }
    if (word.what == "lost") {
      verdict.add(word.lost == static_cast<std::int32_t>(victim) ? 0 : HUGE_VAL);
      last_report_s = std::max(last_report_s, word.at_s);
      ++reports;
    }
    if (word.what == "back") {
      ++back;
      last_back_s = std::max(last_back_s, word.at_s);
      verdict.add(word.lost / 1000.0); // its deviation in thousandths of what is allowed
    }
  }
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    if (!ranks[r]->ended()) ranks[r]->kill_now();
    const int code = ranks[r]->wait();
    if (r != victim) verdict.add(code == 0 ? 0 : HUGE_VAL);
  }
  const bool whole = reports + 1 == world && back == world;
  if (!whole)
    Line("wrong")
        .set("part", "loss")
        .set("what", what + ": " + std::to_string(reports) + " survivors reported, " +
                         std::to_string(back) + " ranks came back")
        .emit();
  emit(verdict);
  if (!whole) return;
  emit(options, {"G15 report", world, "last survivor's report after " + what,
                 (last_report_s - killed_s) * 1000,
                 "sockets of dsk_tp_comm_create_from_env, " + verdict.transport});
  emit(options, {"G15 recreate", world, "new communicator and a checked layer after " + what,
                 (last_back_s - last_report_s) * 1000,
                 "survivors go on; a process that stood by with its device open takes the place, " +
                     verdict.transport});
}

void say(const char* what, std::uint32_t rank, std::int32_t value) {
  char text[96];
  std::snprintf(text, sizeof text, "@%s %.6f %u %d", what, now_s(), rank, value);
  pass_on(text);
}

layer::Owned<dsk_tp_comm> join(const Options& options) {
  dsk_tp_comm_options wanted = DSK_TP_COMM_OPTIONS_INIT;
  wanted.timeout_ms = 20000;
  dsk_tp_comm* raw = nullptr;
  dsk_error* error = nullptr;
  need(dsk_tp_comm_create_from_env(options.backend.data(), options.backend.size(), &wanted, &raw,
                                   &error),
       error);
  return layer::Owned<dsk_tp_comm>(raw);
}

} // namespace

void loss_rank(const Options& options) {
  const Problem problem = probe_layer(options);
  const auto rank = static_cast<std::uint32_t>(std::atoi(std::getenv("RANK")));
  const auto device = open_device(options, rank);
  if (std::string(std::getenv("MULTI_TURN")) == "first") {
    const auto comm = join(options);
    std::int32_t lost = DSK_TP_NO_RANK;
    try {
      const Step step = problem.plan(comm.get(), DSK_TP_NO_MEASURE);
      const Memory x(device.get(), problem.input(step.info)),
          y(device.get(), problem.m * problem.n * 2),
          space(device.get(), step.info.workspace_bytes);
      const Stream stream(device.get());
      for (std::uint64_t i = 0; now_s() < options.until_s; ++i) {
        step.enqueue(args_of(problem.m, x.get(), y.get(), space), stream.get());
        wait(comm.get(), stream.get());
        if (i == 20) say("ready", rank, 0);
      }
    } catch (const Failed&) {
      dsk_tp_comm_info info = DSK_TP_COMM_INFO_INIT;
      dsk_error* error = nullptr;
      need(dsk_tp_comm_get_info(comm.get(), &info, &error), error);
      lost = info.lost_rank;
    }
    say("lost", rank, lost);
    setenv("MASTER_PORT", std::getenv("MULTI_SECOND_PORT"), 1);
  } else {
    const Memory warm(device.get(), Bytes(256));
    say("standby", rank, 0);
  }
  const auto comm = join(options);
  const double share = run_problem(problem, {{device.get()}, {comm.get()}}, false, [] {});
  say("back", rank, static_cast<std::int32_t>(std::fmin(share, 1e6) * 1000));
}

void loss(const Options& options) {
  const Problem problem = probe_layer(options);
  for (const std::uint32_t world : options.worlds) {
    if (!options.time_left(5)) {
      Line("unfinished").set("part", "loss").set("what", "n = " + std::to_string(world)).emit();
      continue;
    }
    try {
      stop_calling(options, world, problem);
    } catch (const Failed& e) {
      Line("wrong").set("part", "loss").set("what", std::string(e.what())).emit();
    }
    if (options.one_device) {
      emit_skip("loss", "kill -9, n = " + std::to_string(world),
                "NCCL takes one rank of a communicator for each device");
      continue;
    }
    // Rank 0 is the one that all sockets lead to.
    for (const std::uint32_t victim : {world - 1, 0u})
      if (options.time_left(5)) kill_one(options, world, victim);
  }
}

} // namespace multi
