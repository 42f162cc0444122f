// Small m: what an all-reduce adds to the products around it.
#include <algorithm>
#include <map>

#include "layers.hpp"
#include "parts.hpp"
#include "report.hpp"
#include "tp/cpu_backend.hpp"

namespace multi {
namespace {

using layer::Bytes;

/* ------------------------------------------ all-reduce, residual and norm */

/// G10: two kernels, the collective and the epilogue, through the table.
void fused_norm(const Options& options, std::uint32_t count) {
  const std::uint64_t hidden = options.small ? 256 : 8192;
  World world(options, count);
  const Comms comms(world, options.backend == "cpu" ? DSK_BACKEND_TRANSPORT_AUTO
                                                    : DSK_BACKEND_TRANSPORT_PEER);
  Verdict verdict{"decode", options.one_device ? "one thread" : "threads", comms.transport(),
                  count};
  double worst_us = 0, reduce_us = 0;
  for (const std::uint64_t m : {1, 4, 16}) {
    const std::uint64_t bytes = m * hidden * 2;
    std::vector<Tile> tiles;
    std::vector<void*> in, sum, residual, out, gamma;
    const Tile residuals = Tile::whole_numbers(DSK_DTYPE_BF16, 70),
               gammas = Tile::random(DSK_DTYPE_BF16, 71);
    for (std::uint32_t r = 0; r < count; ++r) {
      tiles.push_back(Tile::whole_numbers(DSK_DTYPE_BF16, 60 + r));
      for (std::vector<void*>* list : {&in, &sum, &residual, &out, &gamma})
        list->push_back(world.memory(r, bytes));
      tiles[r].upload(world, r, in[r], bytes);
      residuals.upload(world, r, residual[r], bytes);
      gammas.upload(world, r, gamma[r], hidden * 2);
    }
    dsk_backend_epilogue_desc desc{};
    desc.struct_size = sizeof desc;
    desc.activation_dtype = desc.input_dtype = DSK_DTYPE_BF16;
    desc.eps = 1e-6f;
    desc.n = hidden;
    const auto prepare = [&](bool norm) -> Prepare {
      return [&, norm](const Driver& driver, std::uint32_t times) -> Launch {
        return captured(world, driver, false,
                        [&world, &comms, &in, &sum, &residual, &out, &gamma, desc, norm, driver,
                         times, m, hidden] {
                          for (std::uint32_t i = 0; i < times; ++i) {
                            comms.all_reduce(driver, DSK_DTYPE_BF16, m * hidden, in, sum);
                            for (const std::uint32_t r : driver.ranks) {
                              if (!norm) continue;
                              dsk_backend_epilogue_desc mine = desc;
                              mine.gamma = gamma[r];
                              dsk_backend_error error{};
                              // The residual is not written back: the same sum every time.
                              need(world.api().epilogue(world.device(r), &mine, m, sum[r],
                                                        residual[r], nullptr, out[r],
                                                        world.stream(r), &error),
                                   error);
                            }
                          }
                        });
      };
    };
    const std::uint32_t high = options.small ? 4 : 220, low = high / 11 + 1;
    Timed both(world, prepare(true), low, high), reduce(world, prepare(false), low, high);
    // The exact sum through the CPU's epilogue is what every rank has to have.
    const Bytes exact = Tile::sum(tiles).host(bytes), rest = residuals.host(bytes),
                scale = gammas.host(hidden * 2);
    Bytes want(bytes);
    desc.gamma = scale.data();
    dsk_backend_error error{};
    need(dsk::tp::cpu_backend().epilogue(nullptr, &desc, m, exact.data(), rest.data(), nullptr,
                                         want.data(), nullptr, &error),
         error);
    for (std::uint32_t r = 0; r < count; ++r) {
      Bytes got(bytes);
      world.copy(r, got.data(), out[r], bytes);
      Comparison comparison;
      for (std::uint64_t i = 0; i < m * hidden; ++i) {
        const double wanted = layer::read(want.data(), DSK_DTYPE_BF16, i);
        comparison.add(layer::read(got.data(), DSK_DTYPE_BF16, i), wanted,
                       2 * layer::ulp(DSK_DTYPE_BF16, wanted));
      }
      verdict.add(comparison.share());
    }
    const Duel result = duel(both, &reduce, options.small ? 3 : 7);
    Line("reduce_norm")
        .set("ranks", count)
        .set("m", m)
        .set("hidden", hidden)
        .set("us", result.a.us)
        .set("all_reduce_us", result.b.us)
        .set("steady", result.steady)
        .emit();
    if (result.a.us > worst_us) {
      worst_us = result.a.us;
      reduce_us = result.b.us;
    }
  }
  emit(verdict);
  emit(options, {"G10", count, "", worst_us,
                 "all-reduce and epilogue as two kernels in a graph; no kernel fuses them yet, and "
                 "no FP8 quantisation is in it",
                 reduce_us, "all-reduce alone"});
}

/* ---------------------------------------------------------- chains of plans */

/// Weights that are only to be streamed: one tile behind another.
struct Stored {
  dsk_dtype format;
  std::uint64_t n, k;
  Tile tile;
  Bytes data;
  std::vector<float> scales;
  Stored(dsk_dtype format_, std::uint64_t n_, std::uint64_t k_, std::uint32_t seed)
      : format(format_), n(n_), k(k_), tile(Tile::random(format_, seed)),
        data(tile.host(n * k * (format == DSK_DTYPE_F8E4M3 ? 1 : 2))) {
    if (format == DSK_DTYPE_F8E4M3) scales.assign((n + 127) / 128 * ((k + 127) / 128), 1.0f / 16);
  }
  dsk_tp_weight describe() const {
    dsk_tp_weight out = DSK_TP_WEIGHT_INIT;
    out.dtype = format;
    out.n = n;
    out.k = k;
    out.data = data.data();
    out.data_bytes = data.size();
    out.scales = scales.empty() ? nullptr : scales.data();
    out.scales_bytes = scales.size() * 4;
    out.scales_dtype = scales.empty() ? DSK_DTYPE_NONE : DSK_DTYPE_F32;
    return out;
  }
  double value(std::uint64_t row, std::uint64_t column) const {
    return tile.at(row * k + column) * (scales.empty() ? 1 : 1.0 / 16);
  }
};

struct Sizes {
  std::uint64_t hidden, qkv, inner, layers, distinct;
};
Sizes sizes_of(const Options& options) {
  if (options.small) return {256, 384, 512, 4, 2};
  return {8192, 10240, 28672, 80, 10}; // Llama-3.x-70B's config.json
}

/// One model's weights, or the part of them that one rank of `world` would hold.
struct Model {
  Stored qkv, o, gate, up, down;
  Model(dsk_dtype format, const Sizes& s, std::uint64_t part)
      : qkv(format, s.qkv / part, s.hidden, 1), o(format, s.hidden, s.hidden / part, 2),
        gate(format, s.inner / part, s.hidden, 3), up(format, s.inner / part, s.hidden, 4),
        down(format, s.hidden, s.inner / part, 5) {}
};

Step linear_of(dsk_tp_comm* comm, const Stored& weight, dsk_tp_split split, dsk_tp_tuning* tuning) {
  const dsk_tp_weight described = weight.describe();
  dsk_tp_linear_desc desc = DSK_TP_LINEAR_DESC_INIT;
  desc.split = split;
  desc.activation_dtype = DSK_DTYPE_BF16;
  desc.max_m = 1;
  desc.weights = &described;
  desc.weight_count = 1;
  desc.tuning = tuning;
  return Step(comm, desc);
}
Step mlp_of(dsk_tp_comm* comm, const Model& model, dsk_tp_tuning* tuning) {
  const dsk_tp_weight gate = model.gate.describe(), up = model.up.describe(),
                      down = model.down.describe();
  dsk_tp_mlp_desc desc = DSK_TP_MLP_DESC_INIT;
  desc.activation_dtype = DSK_DTYPE_BF16;
  desc.max_m = 1;
  desc.gate = &gate;
  desc.up = &up;
  desc.down = &down;
  desc.tuning = tuning;
  return Step(comm, desc);
}

/// Steps of a team's ranks as one graph, each with an x and a y of its width that all steps share.
class Chain {
public:
  explicit Chain(Team team) : team_(std::move(team)) {
    for (std::size_t i = 0; i < team_.size(); ++i) {
      tunings_.emplace_back(new_tuning());
      streams_.emplace_back(team_.devices[i]);
    }
    steps_.resize(team_.size());
  }
  const Team& team() const { return team_; }
  dsk_tp_tuning* tuning(std::size_t i) const { return tunings_[i].get(); }
  void add(std::size_t i, Step step) { steps_[i].push_back(std::move(step)); }
  /// The chain of all steps, `repeats` times over. `x` has at least the widest input.
  void build(const Tile& x, std::uint64_t repeats) {
    graph_ = new_graph(team_);
    for (std::size_t i = 0; i < team_.size(); ++i) {
      std::uint64_t in = 0, out = 0, space = 0;
      for (const Step& step : steps_[i]) {
        in = std::max(in, step.info.input_columns * 2);
        out = std::max(out, step.info.output_columns * 2);
        space = std::max(space, step.info.workspace_bytes);
      }
      xs_.emplace_back(team_.devices[i], x.host(in));
      ys_.emplace_back(team_.devices[i], out);
      spaces_.emplace_back(team_.devices[i], space);
      for (std::uint64_t repeat = 0; repeat < repeats; ++repeat)
        for (const Step& step : steps_[i])
          step.add_to(graph_.get(), args(i));
    }
    capture(graph_.get());
  }
  /// y of one step by itself on all ranks.
  std::vector<Bytes> run(std::size_t which) {
    together(team_, [&](std::size_t i) { steps_[i][which].enqueue(args(i), streams_[i].get()); });
    std::vector<Bytes> out;
    for (std::size_t i = 0; i < team_.size(); ++i) {
      wait(team_.comms[i], streams_[i].get());
      out.push_back(ys_[i].read());
    }
    return out;
  }
  const Step& step(std::size_t i, std::size_t which) const { return steps_[i][which]; }
  void replay_on(void* stream) const { replay(graph_.get(), stream); }

private:
  static dsk_tp_tuning* new_tuning() {
    dsk_tp_tuning* tuning = nullptr;
    dsk_error* error = nullptr;
    need(dsk_tp_tuning_create(nullptr, 0, &tuning, &error), error);
    return tuning;
  }
  dsk_tp_args args(std::size_t i) const {
    return args_of(1, xs_[i].get(), ys_[i].get(), spaces_[i]);
  }
  Team team_;
  std::vector<layer::Owned<dsk_tp_tuning>> tunings_;
  std::vector<std::vector<Step>> steps_; // [rank][step]
  std::vector<Memory> xs_, ys_, spaces_;
  std::vector<Stream> streams_;
  layer::Owned<dsk_tp_graph> graph_;
};

/// Chains on all ranks: split over them with all-reduces, and the same products on each rank alone.
struct Chains {
  std::unique_ptr<Local> local;
  std::vector<std::unique_ptr<Local>> alone; // one communicator of one rank for each driver
  std::vector<std::unique_ptr<Chain>> split, products;
};

using AddSteps = std::function<void(Chain&, std::size_t rank_of_team, bool split)>;

Chains build(const Options& options, World& world, const Tile& x, std::uint64_t repeats,
             const AddSteps& add) {
  Chains out;
  out.local = std::make_unique<Local>(options, world.size(), DSK_TP_TRANSPORT_PEER, 20000);
  const std::size_t drivers = world.crew().drivers().size();
  out.alone.resize(drivers);
  out.split.resize(drivers);
  out.products.resize(drivers);
  world.crew().run([&](const Driver& driver) {
    out.split[driver.index] = std::make_unique<Chain>(out.local->team(driver));
    auto& single = out.alone[driver.index];
    single = std::make_unique<Local>(options, 1, DSK_TP_TRANSPORT_PEER, 20000, driver.ranks[0]);
    out.products[driver.index] = std::make_unique<Chain>(single->team({0, {0}}));
    for (std::size_t i = 0; i < driver.ranks.size(); ++i)
      add(*out.split[driver.index], i, true);
    add(*out.products[driver.index], 0, false);
    out.split[driver.index]->build(x, repeats);
    out.products[driver.index]->build(x, repeats);
  });
  return out;
}

Prepare replays_of(const std::vector<std::unique_ptr<Chain>>& chains, World& world) {
  return [&](const Driver& driver, std::uint32_t count) -> Launch {
    const Chain* chain = chains[driver.index].get();
    void* stream = world.stream(driver.ranks[0]);
    return [chain, stream, count] {
      for (std::uint32_t i = 0; i < count; ++i)
        chain->replay_on(stream);
    };
  };
}

/// Largest deviation of y on all ranks from `want(rank, column)`, at some columns.
struct Wanted {
  double sum, rms; // of the terms: what roundings are measured against
};
double deviation(World& world, const Chains& chains, std::size_t which, double rounding,
                 const std::function<Wanted(const dsk_tp_plan_info&, std::uint64_t)>& want) {
  std::vector<double> shares(world.size());
  world.crew().run([&](const Driver& driver) {
    Chain& chain = *chains.split[driver.index];
    const std::vector<Bytes> ys = chain.run(which);
    for (std::size_t i = 0; i < ys.size(); ++i) {
      Comparison comparison;
      for (std::uint64_t probe = 0; probe < 24; ++probe) {
        const dsk_tp_plan_info& info = chain.step(i, which).info;
        const std::uint64_t column = probe * 7919 % info.output_columns;
        const Wanted wanted = want(info, column);
        comparison.add(layer::read(ys[i].data(), DSK_DTYPE_BF16, column), wanted.sum,
                       (1 + world.size() / 2.0) * layer::ulp(DSK_DTYPE_BF16, 4 * wanted.rms) +
                           rounding * wanted.rms);
      }
      shares[driver.ranks[i]] = comparison.share();
    }
  });
  return *std::max_element(shares.begin(), shares.end());
}

/// FP8 rounds each element of x by up to 2^-4 of it: six times the expected sum of those.
double rounding_of(dsk_dtype format) {
  return format == DSK_DTYPE_F8E4M3 ? 0.25 : 0.02;
}

/// Sum of w x and of its squares. Every rank is given the same x from its first column on.
Wanted dot(const Stored& weight, const Tile& x, std::uint64_t row, std::uint64_t ranks) {
  Wanted out{0, 0};
  const std::uint64_t part = weight.k / ranks;
  for (std::uint64_t i = 0; i < weight.k; ++i) {
    const double term = x.at(i % part) * weight.value(row, i);
    out.sum += term;
    out.rms += term * term;
  }
  out.rms = std::sqrt(out.rms);
  return out;
}

double check_linear(World& world, const Chains& chains, const Stored& weight, const Tile& x,
                    std::size_t which, bool row) {
  return deviation(world, chains, which, rounding_of(weight.format),
                   [&](const dsk_tp_plan_info& info, std::uint64_t column) {
                     return dot(weight, x, (row ? 0 : info.n_offset) + column,
                                row ? world.size() : 1);
                   });
}

double check_mlp(World& world, const Chains& chains, const Model& model, const Tile& x,
                 std::size_t which) {
  // Rows of one tile differ only by where they begin in it.
  std::map<std::uint64_t, double> by_phase;
  std::vector<double> inner(model.gate.n);
  for (std::uint64_t j = 0; j < inner.size(); ++j) {
    const std::uint64_t phase = j * model.gate.k % Tile::period;
    const auto [it, fresh] = by_phase.emplace(phase, 0);
    if (fresh) {
      const double gate = dot(model.gate, x, j, 1).sum, up = dot(model.up, x, j, 1).sum;
      it->second = gate / (1 + std::exp(-gate)) * up;
    }
    inner[j] = it->second;
  }
  return deviation(world, chains, which, rounding_of(model.gate.format),
                   [&](const dsk_tp_plan_info&, std::uint64_t column) {
                     Wanted out{0, 0};
                     for (std::uint64_t j = 0; j < inner.size(); ++j) {
                       const double term = inner[j] * model.down.value(column, j);
                       out.sum += term;
                       out.rms += term * term;
                     }
                     out.rms = std::sqrt(out.rms);
                     return out;
                   });
}

/// G11: one row-linear, weights that do not fit in L2.
void row_linear(const Options& options, std::uint32_t count) {
  const std::uint64_t width = sizes_of(options).hidden;
  World world(options, count);
  const Stored whole(DSK_DTYPE_BF16, width, width, 11),
      part(DSK_DTYPE_BF16, width, width / count, 12);
  const std::uint64_t copies =
      options.small ? 2
                    : std::max<std::uint64_t>(2, (512u << 20) / (width * width / count * 2) + 1);
  const Tile x = Tile::random(DSK_DTYPE_BF16, 13);
  const Chains chains = build(options, world, x, 1, [&](Chain& chain, std::size_t i, bool split) {
    for (std::uint64_t copy = 0; copy < copies; ++copy)
      chain.add(i, linear_of(chain.team().comms[i], split ? whole : part,
                             split ? DSK_TP_SPLIT_ROW : DSK_TP_SPLIT_REPLICATED, chain.tuning(i)));
  });
  Verdict verdict{"decode", options.one_device ? "one thread" : "threads",
                  transport_of(chains.local->comms[0].get()), count};
  verdict.add(check_linear(world, chains, whole, x, 0, true));
  emit(verdict);
  Timed split(world, replays_of(chains.split, world), 1, options.small ? 3 : 9),
      products(world, replays_of(chains.products, world), 1, options.small ? 3 : 9);
  const Duel result = duel(split, &products, options.small ? 3 : 7);
  const double each = result.a.us / static_cast<double>(copies),
               alone = result.b.us / static_cast<double>(copies);
  Line("row_linear")
      .set("ranks", count)
      .set("width", width)
      .set("us", each)
      .set("product_us", alone)
      .set("steady", result.steady)
      .emit();
  emit(options, {"G11", count, "", each - alone,
                 "product and all-reduce as two kernels in a graph; no kernel fuses them yet", each,
                 "whole layer"});
}

/// G12: all layers of a model of 70 B parameters, attention left out.
void model_chain(const Options& options, std::uint32_t count, dsk_dtype format, double end_s) {
  const Sizes s = sizes_of(options);
  const std::string goal = format == DSK_DTYPE_BF16 ? "G12 bf16" : "G12 fp8";
  if (now_s() + (options.small ? 1 : 25) > end_s) {
    Line("unfinished")
        .set("part", "decode")
        .set("what", goal + ", n = " + std::to_string(count))
        .emit();
    return;
  }
  World world(options, count);
  const Model whole(format, s, 1), part(format, s, count);
  const Tile x = Tile::random(DSK_DTYPE_BF16, 14);
  const Chains chains =
      build(options, world, x, s.layers / s.distinct, [&](Chain& chain, std::size_t i, bool split) {
        const Model& model = split ? whole : part;
        for (std::uint64_t copy = 0; copy < s.distinct; ++copy) {
          dsk_tp_comm* comm = chain.team().comms[i];
          chain.add(i, linear_of(comm, model.qkv,
                                 split ? DSK_TP_SPLIT_COLUMN : DSK_TP_SPLIT_REPLICATED,
                                 chain.tuning(i)));
          chain.add(i, linear_of(comm, model.o, split ? DSK_TP_SPLIT_ROW : DSK_TP_SPLIT_REPLICATED,
                                 chain.tuning(i)));
          chain.add(i, mlp_of(comm, model, chain.tuning(i)));
        }
      });
  Verdict verdict{"decode", options.one_device ? "one thread" : "threads",
                  transport_of(chains.local->comms[0].get()), count};
  verdict.add(check_linear(world, chains, whole.qkv, x, 0, false));
  verdict.add(check_linear(world, chains, whole.o, x, 1, true));
  verdict.add(check_mlp(world, chains, whole, x, 2));
  emit(verdict);
  Timed split(world, replays_of(chains.split, world), 1, 4),
      products(world, replays_of(chains.products, world), 1, 4);
  const Duel result = duel(split, &products, options.small ? 3 : 7);
  const double added_us = (result.a.us - result.b.us) / static_cast<double>(2 * s.layers);
  Line("model_chain")
      .set("ranks", count)
      .set("format", goal.substr(4))
      .set("layers", s.layers)
      .set("distinct_layers", s.distinct)
      .set("ms", result.a.us / 1000)
      .set("products_ms", result.b.us / 1000)
      .set("added_by_an_all_reduce_us", added_us)
      .set("steady", result.steady)
      .emit();
  char sum[160];
  std::snprintf(
      sum, sizeof sum,
      "products alone %.3g ms, and %.3g us for each of %u all-reduces, as separate kernels; "
      "fused decode kernels do not exist yet",
      result.b.us / 1000, added_us, static_cast<unsigned>(2 * s.layers));
  emit(options, {goal, count, "", result.a.us / 1000, sum, result.b.us / 1000, "products alone"});
}

} // namespace

void decode(const Options& options) {
  for (std::size_t i = 0; i < options.worlds.size(); ++i) {
    const std::uint32_t count = options.worlds[i];
    const double end_s = end_of_round(options, i, options.worlds.size());
    if (now_s() + (options.small ? 0.3 : 6) > end_s) {
      Line("unfinished").set("part", "decode").set("what", "n = " + std::to_string(count)).emit();
      continue;
    }
    try {
      fused_norm(options, count);
      row_linear(options, count);
    } catch (const Failed& e) {
      emit_skip("decode", "n = " + std::to_string(count), e.what());
      continue;
    }
    // Goals for the whole chain are set for 8 ranks; with fewer the weights alone take the time.
    if (i > 0 && !options.small) continue;
    for (const dsk_dtype format : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3})
      model_chain(options, count, format, options.until_s);
  }
}

} // namespace multi
