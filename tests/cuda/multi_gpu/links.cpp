// What the links carry: the machine's record, a matrix of copies, and the all-reduce of every size.
#include <algorithm>
#include <map>

#include "dsk/bench.h"
#include "parts.hpp"
#include "report.hpp"
#include "world.hpp"

namespace multi {
namespace {

void emit_machine(const Options& options) {
  char* text = nullptr;
  std::size_t length = 0;
  dsk_error* error = nullptr;
  need(dsk_bench_machine_to_json(&text, &length, &error), error);
  std::string record(text, length);
  dsk_free(text);
  record.erase(std::remove(record.begin(), record.end(), '\n'), record.end());
  std::printf("%s\n", record.c_str());
  dsk_backend_probe probe{};
  probe.struct_size = sizeof probe;
  dsk_backend_error failure{};
  const dsk_backend_api& api = table_of(options.backend);
  need(api.probe(&probe, &failure), failure);
  Line line("backend");
  line.set("name", options.backend)
      .set("devices", probe.device_count)
      .set("driver", probe.driver_version)
      .set("blas", probe.blas_version)
      .set("collective", probe.collective_version)
      .set("missing", probe.missing)
      .set("libdsk", dsk_version_string())
      .set("one_device", options.one_device);
  for (std::uint32_t i = 0; i < probe.device_count; ++i) {
    dsk_backend_device_info info{};
    info.struct_size = sizeof info;
    need(api.device_info(static_cast<std::int32_t>(i), &info, &failure), failure);
    line.set(("device" + std::to_string(i)).c_str(),
             std::string(info.name) + " " + info.pci_address + " " + info.uuid);
  }
  line.emit();
}

/// Best of some copies, GB/s; every driver in `pairs` copies at once.
double copy_gb_s(World& world, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs,
                 const std::vector<void*>& from, const std::vector<void*>& to,
                 std::uint64_t bytes) {
  double best = 0;
  Crew crew(static_cast<std::uint32_t>(pairs.size()), false);
  for (int turn = 0; turn < 4; ++turn) {
    std::vector<double> seconds(pairs.size());
    crew.run([&](const Driver& driver) {
      const auto [source, target] = pairs[driver.index];
      crew.meet();
      const double start = now_s();
      world.copy(source, to[target], from[source], bytes);
      seconds[driver.index] = now_s() - start;
    });
    best = std::max(best, static_cast<double>(bytes) * static_cast<double>(pairs.size()) / 1e9 /
                              *std::max_element(seconds.begin(), seconds.end()));
  }
  return best;
}

} // namespace

void topology(const Options& options) {
  const double start = now_s();
  emit_machine(options);
  const std::uint32_t most = options.worlds[0];
  const std::uint64_t bytes = options.small ? 1u << 20 : 256u << 20;
  World world(options, most);
  std::string access = "peer access";
  std::unique_ptr<Comms> comms;
  try {
    // Its making turns peer access on between all devices.
    comms = std::make_unique<Comms>(world, options.backend == "cpu" ? DSK_BACKEND_TRANSPORT_AUTO
                                                                    : DSK_BACKEND_TRANSPORT_PEER);
  } catch (const Failed& e) {
    access = e.what();
  }
  std::vector<void*> from, to;
  std::vector<Tile> tiles;
  for (std::uint32_t r = 0; r < most; ++r) {
    tiles.push_back(Tile::whole_numbers(DSK_DTYPE_BF16, 100 + r));
    from.push_back(world.memory(r, bytes));
    to.push_back(world.memory(r, bytes));
    tiles[r].upload(world, r, from[r], bytes);
  }
  Verdict verdict{"topology", "one thread", comms ? comms->transport() : "host", most};
  for (std::uint32_t source = 0; source < most; ++source)
    for (std::uint32_t target = 0; target < most; ++target) {
      if (source == target) continue;
      if (!options.time_left(1)) {
        Line("unfinished").set("part", "topology").set("what", "peer matrix").emit();
        return;
      }
      const double alone = copy_gb_s(world, {{source, target}}, from, to, bytes);
      verdict.add(tiles[source].equals(world, target, to[target], bytes) ? 0 : HUGE_VAL);
      Line line("peer_copy");
      line.set("from", source).set("to", target).set("bytes", bytes).set("gb_s", alone);
      if (source < target) // both ways together
        line.set("both_gb_s",
                 copy_gb_s(world, {{source, target}, {target, source}}, from, to, bytes));
      line.set("access", access).emit();
    }
  emit(verdict);
  emit(options, {"G16", most,
                 "machine record and a matrix of copies of " + std::to_string(bytes >> 20) + " MiB",
                 now_s() - start, "driver copies, one way and both, timed by the host"});
}

namespace {

struct Buffers {
  std::vector<void*> in, out;
};

/// Two messages after each other, of other numbers each: exact on every rank, and nothing behind
/// the message is touched.
bool exact(World& world, const Comms& comms, const Buffers& buffers, std::uint64_t bytes,
           std::uint64_t room) {
  std::atomic<bool> right{true};
  const Tile poison(DSK_DTYPE_BF16, layer::Bytes(Tile::period * 2, 0xff));
  const std::uint64_t guard = std::min<std::uint64_t>(room - bytes, 256);
  for (std::uint32_t turn = 0; turn < 2; ++turn) {
    std::vector<Tile> tiles;
    for (std::uint32_t r = 0; r < world.size(); ++r)
      tiles.push_back(Tile::whole_numbers(DSK_DTYPE_BF16, 1 + r + 50 * turn));
    const Tile sum = Tile::sum(tiles);
    world.crew().run([&](const Driver& driver) {
      for (const std::uint32_t r : driver.ranks) {
        tiles[r].upload(world, r, buffers.in[r], bytes);
        poison.upload(world, r, buffers.out[r], bytes + guard);
      }
      world.crew().meet();
      comms.all_reduce(driver, DSK_DTYPE_BF16, bytes / 2, buffers.in, buffers.out);
      for (const std::uint32_t r : driver.ranks)
        world.wait(r, world.stream(r));
      for (const std::uint32_t r : driver.ranks) {
        const auto* end = static_cast<const std::byte*>(buffers.out[r]) + bytes;
        if (!sum.equals(world, r, buffers.out[r], bytes) ||
            (guard && !poison.equals(world, r, end, guard)) ||
            tiles[0].equals(world, r, buffers.out[r], bytes)) // the comparison itself can say no
          right = false;
      }
    });
  }
  return right;
}

struct Point {
  double own_us = NAN, anchor_us = NAN, chosen_us = NAN; // in a graph
};

Point measure_size(const Options& options, World& world, const Rivals& rivals,
                   const Buffers& buffers, std::uint64_t bytes, std::uint64_t room,
                   Verdict& own_right, Verdict& anchor_right, Verdict& chosen_right) {
  const auto prepare = [&](const Comms& comms, bool graph) -> Prepare {
    return [&, graph](const Driver& driver, std::uint32_t count) -> Launch {
      const auto enqueue = [&comms, &buffers, driver, count, bytes] {
        for (std::uint32_t i = 0; i < count; ++i)
          comms.all_reduce(driver, DSK_DTYPE_BF16, bytes / 2, buffers.in, buffers.out);
      };
      return graph ? captured(world, driver, false, enqueue) : Launch(enqueue);
    };
  };
  const bool own_ok = exact(world, *rivals.own, buffers, bytes, room);
  own_right.add(own_ok ? 0 : HUGE_VAL);
  const bool anchor_ok = rivals.anchor && exact(world, *rivals.anchor, buffers, bytes, room);
  if (rivals.anchor) anchor_right.add(anchor_ok ? 0 : HUGE_VAL);
  const bool chosen_ok = rivals.chosen && exact(world, *rivals.chosen, buffers, bytes, room);
  if (rivals.chosen) chosen_right.add(chosen_ok ? 0 : HUGE_VAL);
  if (!own_ok) return {};
  const int groups = options.small ? 3 : 7;
  Line line("all_reduce");
  line.set("ranks", world.size()).set("bytes", bytes).set("own", rivals.own_name);
  line.set("anchor", anchor_ok ? rivals.anchor_name : "none");
  Point point;
  bool steady = true;
  for (const bool graph : {true, false}) {
    const Prepare own = prepare(*rivals.own, graph);
    const double piece_us = rough_us(world, own);
    const std::uint32_t high = options.small ? 4 : pieces_for(piece_us, 2000, 200);
    const std::uint32_t low = std::max(1u, high / 10);
    Timed own_timed(world, own, low, high);
    std::unique_ptr<Timed> anchor_timed;
    if (anchor_ok)
      anchor_timed = std::make_unique<Timed>(world, prepare(*rivals.anchor, graph), low, high);
    const Duel result = duel(own_timed, anchor_timed.get(), groups);
    steady = steady && (result.steady || !graph);
    const std::string suffix = graph ? "_graph_us" : "_eager_us";
    line.set(("own" + suffix).c_str(), result.a.us).set(("own_low" + suffix).c_str(), result.a.low);
    line.set(("own_high" + suffix).c_str(), result.a.high);
    line.set(("anchor" + suffix).c_str(), anchor_ok ? result.b.us : NAN);
    line.set((std::string("calls") + (graph ? "_graph" : "_eager")).c_str(), high);
    if (!graph) continue;
    point = {result.a.us, anchor_ok ? result.b.us : NAN, NAN};
    if (!chosen_ok) continue;
    Timed chosen_timed(world, prepare(*rivals.chosen, graph), low, high);
    point.chosen_us = duel(chosen_timed, nullptr, groups).a.us;
    line.set("chosen", rivals.chosen_name).set("chosen_graph_us", point.chosen_us);
  }
  const double bus = 2.0 * (world.size() - 1) / world.size() * static_cast<double>(bytes) / 1e3;
  line.set("ratio", point.own_us / point.anchor_us)
      .set("own_bus_gb_s", bus / point.own_us)
      .set("anchor_bus_gb_s", bus / point.anchor_us)
      .set("steady", steady)
      .emit();
  return point;
}

void emit_figures(const Options& options, const std::map<std::uint64_t, Point>& points,
                  std::uint32_t world, const Rivals& rivals) {
  constexpr std::pair<const char*, std::uint64_t> sizes[] = {
      {"G1", 16u << 10}, {"G2", 128u << 10}, {"G3", 256u << 10}, {"G4", 512u << 10},
      {"G5", 1u << 20},  {"G6", 4u << 20},   {"G7", 8u << 20}};
  const std::string path = "own protocol \"" + rivals.own_name + "\", bf16, in a graph";
  for (const auto& [goal, bytes] : sizes)
    if (const auto it = points.find(bytes); it != points.end())
      emit(options, {goal, world, "all-reduce " + std::to_string(bytes >> 10) + " KiB",
                     it->second.own_us, path, it->second.anchor_us, rivals.anchor_name});
  double worst = NAN, bus = NAN, anchor_bus = NAN;
  std::uint64_t worst_bytes = 0, slower = 0, compared = 0;
  for (const auto& [bytes, point] : points) {
    const double ratio = point.own_us / point.anchor_us;
    if (bytes >= 1024 && std::isfinite(ratio)) {
      ++compared;
      slower += ratio > 1 ? 1 : 0;
      if (!(ratio <= worst)) {
        worst = ratio;
        worst_bytes = bytes;
      }
    }
    if (bytes < 64u << 20) continue;
    const double moved = 2.0 * (world - 1) / world * static_cast<double>(bytes) / 1e3;
    bus = std::fmin(bus, moved / point.own_us);
    anchor_bus = std::fmin(anchor_bus, moved / point.anchor_us);
  }
  if (std::isfinite(bus))
    emit(options,
         {"G8", world, "", bus, path + ", pieces of 8 MiB", anchor_bus, rivals.anchor_name});
  if (compared)
    emit(options, {"G9", world,
                   "own / " + rivals.anchor_name + " in graphs, worst of " +
                       std::to_string(compared) + " sizes (" + std::to_string(worst_bytes) +
                       " bytes; slower at " + std::to_string(slower) + ")",
                   worst, path + "; the vendor's registered (symmetric) buffers are not compared"});
  // The choice is one of the two, so it is held against the better, with the noise of two timings.
  double chosen_worst = NAN;
  std::uint64_t chosen_bytes = 0;
  for (const auto& [bytes, point] : points) {
    const double ratio = point.chosen_us / std::fmin(point.own_us, point.anchor_us);
    if (bytes < 1024 || !std::isfinite(ratio) || ratio <= chosen_worst) continue;
    chosen_worst = ratio;
    chosen_bytes = bytes;
  }
  if (std::isfinite(chosen_worst))
    emit(options, {"G9 choice", world,
                   "the library's choice / the better of both, worst size (" +
                       std::to_string(chosen_bytes) + " bytes)",
                   chosen_worst,
                   "transport \"" + rivals.chosen_name +
                       "\", in a graph; three timings after each "
                       "other"});
}

} // namespace

void all_reduce(const Options& options) {
  // The sizes that goals are set for come first.
  std::vector<std::uint64_t> sizes = {16u << 10, 128u << 10, 256u << 10, 512u << 10,
                                      1u << 20,  4u << 20,   8u << 20,   16};
  for (std::uint64_t bytes = 1u << 10; bytes <= 512u << 20; bytes *= 2)
    if (std::find(sizes.begin(), sizes.end(), bytes) == sizes.end()) sizes.push_back(bytes);
  sizes.push_back((3u << 10) + 6); // not whole packets
  if (options.small) sizes = {16u << 10, 1u << 10, 128u << 10, 16, (3u << 10) + 6};
  const std::uint64_t room = *std::max_element(sizes.begin(), sizes.end()) + 256;
  for (std::size_t i = 0; i < options.worlds.size(); ++i) {
    const std::uint32_t count = options.worlds[i];
    const double end_s = end_of_round(options, i, options.worlds.size());
    World world(options, count);
    std::unique_ptr<Rivals> rivals;
    try {
      rivals = std::make_unique<Rivals>(options, world);
    } catch (const Failed& e) {
      emit_skip("all-reduce", "n = " + std::to_string(count), e.what());
      continue;
    }
    if (!rivals->anchor)
      emit_skip("all-reduce", "the rival, n = " + std::to_string(count), rivals->missing);
    Buffers buffers;
    for (std::uint32_t r = 0; r < count; ++r) {
      buffers.in.push_back(world.memory(r, room));
      buffers.out.push_back(world.memory(r, room));
    }
    const char* layout = options.one_device ? "one thread" : "threads";
    Verdict own{"all-reduce", layout, rivals->own_name, count};
    Verdict anchor{"all-reduce", layout, rivals->anchor_name, count};
    Verdict chosen{"all-reduce", layout, rivals->chosen_name, count};
    std::map<std::uint64_t, Point> points;
    for (const std::uint64_t bytes : sizes) {
      if (now_s() + (bytes > 64u << 20 ? 4 : 0.3) > end_s) {
        Line("unfinished")
            .set("part", "all-reduce")
            .set("what", "n = " + std::to_string(count) + ", " + std::to_string(bytes) + " bytes")
            .emit();
        continue;
      }
      points[bytes] =
          measure_size(options, world, *rivals, buffers, bytes, room, own, anchor, chosen);
    }
    if (points.empty()) continue; // each size has said that it is unfinished
    emit(own);
    if (rivals->anchor) emit(anchor);
    if (rivals->chosen) emit(chosen);
    emit_figures(options, points, count, *rivals);
  }
}

} // namespace multi
