// Large m: a product and the collective beside it, one after the other and in turns on two streams.
//
// The overlap is split-m: step i multiplies chunk i while chunk i - 1 travels (all-reduce), or
// multiplies chunk i while chunk i + 1 arrives (all-gather). Each step is a graph of two branches
// that joins at its end, so no rank can wait for a chunk that another rank's waiting keeps from its
// multiprocessors.
#include <algorithm>

#include "parts.hpp"
#include "report.hpp"
#include "world.hpp"

namespace multi {
namespace {

struct Shape {
  const char* name;
  std::uint64_t n, k; // unsharded
};
// From the models' published config.json files.
constexpr Shape row_shapes[] = {{"Llama-70B o", 8192, 8192},
                                {"Llama-70B down", 8192, 28672},
                                {"DeepSeek-V3 o", 7168, 16384},
                                {"DeepSeek-V3 dense down", 7168, 18432},
                                {"Qwen3-32B down", 5120, 25600}};
constexpr Shape column_shapes[] = {{"Llama-70B gate_up", 57344, 8192},
                                   {"Llama-70B qkv", 10240, 8192}};
constexpr Shape small_row{"small", 64, 512}, small_column{"small", 512, 64};

/// One product of every rank, bf16, on memory that repeats a tile.
class Product {
public:
  Product(World& world, std::uint64_t n, std::uint64_t k, std::uint64_t m)
      : world_(world), n_(n), k_(k) {
    gemms_.resize(world.size());
    for (std::uint32_t r = 0; r < world.size(); ++r) {
      weights_.push_back(Tile::random(DSK_DTYPE_BF16, 30 + r));
      memory_.push_back(world.memory(r, n * k * 2));
    }
    spaces_.resize(world.size());
    world.crew().run([&](const Driver& driver) {
      for (const std::uint32_t r : driver.ranks) {
        weights_[r].upload(world, r, memory_[r], n * k * 2);
        dsk_backend_gemm_desc desc{};
        desc.struct_size = sizeof desc;
        desc.activation_dtype = desc.weight_dtype = desc.output_dtype = DSK_DTYPE_BF16;
        desc.n = n;
        desc.k = k;
        desc.max_m = m;
        desc.weight = memory_[r];
        dsk_backend_error error{};
        need(world.api().gemm_create(world.device(r), &desc, &gemms_[r], &error), error);
        dsk_backend_gemm_info info{};
        info.struct_size = sizeof info;
        need(world.api().gemm_info(gemms_[r], &info, &error), error);
        spaces_[r] = world.memory(r, info.workspace_bytes);
      }
    });
  }
  ~Product() {
    for (dsk_backend_gemm* gemm : gemms_)
      if (gemm) world_.api().gemm_destroy(gemm);
  }
  Product(const Product&) = delete;
  void enqueue(std::uint32_t r, std::uint64_t m, const void* x, void* y) const {
    dsk_backend_error error{};
    need(world_.api().gemm_enqueue(gemms_[r], m, x, y, spaces_[r], world_.stream(r), &error),
         error);
  }
  double value(std::uint32_t r, std::uint64_t row, std::uint64_t column) const {
    return weights_[r].at(row * k_ + column);
  }
  std::uint64_t n() const { return n_; }
  std::uint64_t k() const { return k_; }

private:
  World& world_;
  std::uint64_t n_, k_;
  std::vector<Tile> weights_;
  std::vector<void*> memory_, spaces_;
  std::vector<dsk_backend_gemm*> gemms_;
};

void* at(void* base, std::uint64_t bytes) {
  return static_cast<std::byte*>(base) + bytes;
}
std::vector<void*> moved(const std::vector<void*>& list, std::uint64_t bytes) {
  std::vector<void*> out;
  for (void* memory : list)
    out.push_back(at(memory, bytes));
  return out;
}

/// y[m, n] = sum over ranks of x_r w_r^T in bf16: value and tolerance at some places.
struct Row {
  World& world;
  const Product& product;
  const Comms& comms;
  std::uint64_t m;
  std::vector<Tile> inputs;
  std::vector<void*> x, partial, y;

  Row(World& world_, const Product& product_, const Comms& comms_, std::uint64_t m_)
      : world(world_), product(product_), comms(comms_), m(m_) {
    for (std::uint32_t r = 0; r < world.size(); ++r) {
      inputs.push_back(Tile::random(DSK_DTYPE_BF16, 40 + r));
      x.push_back(world.memory(r, m * product.k() * 2));
      partial.push_back(world.memory(r, m * product.n() * 2));
      y.push_back(world.memory(r, m * product.n() * 2));
      inputs[r].upload(world, r, x[r], m * product.k() * 2);
    }
  }
  void multiply(const Driver& driver, std::uint64_t first, std::uint64_t rows) const {
    for (const std::uint32_t r : driver.ranks)
      product.enqueue(r, rows, at(x[r], first * product.k() * 2),
                      at(partial[r], first * product.n() * 2));
  }
  void reduce(const Driver& driver, std::uint64_t first, std::uint64_t rows, int stream) const {
    const std::uint64_t bytes = first * product.n() * 2;
    comms.all_reduce(driver, DSK_DTYPE_BF16, rows * product.n(), moved(partial, bytes),
                     moved(y, bytes), stream);
  }
  /// One graph of `count` products, all-reduces or both after each other.
  Prepare serial(bool with_product, bool with_reduce) const {
    return [=, this](const Driver& driver, std::uint32_t count) {
      return captured(world, driver, false, [=, this] {
        for (std::uint32_t i = 0; i < count; ++i) {
          if (with_product) multiply(driver, 0, m);
          if (with_reduce) reduce(driver, 0, m, 0);
        }
      });
    };
  }
  Prepare overlapped(std::uint64_t chunks) const {
    return [=, this](const Driver& driver, std::uint32_t count) -> Launch {
      const std::uint64_t rows = m / chunks;
      std::vector<Launch> steps;
      for (std::uint64_t step = 0; step <= chunks; ++step)
        steps.push_back(captured(world, driver, true, [=, this] {
          if (step < chunks) multiply(driver, step * rows, rows);
          if (step > 0) reduce(driver, (step - 1) * rows, rows, 1);
        }));
      return [steps, count] {
        for (std::uint32_t i = 0; i < count; ++i)
          for (const Launch& step : steps)
            step();
      };
    };
  }
  /// Runs once from poisoned memory and compares some elements of every rank.
  double deviation(const Prepare& prepare) const {
    const std::uint64_t bytes = m * product.n() * 2;
    const Tile poison(DSK_DTYPE_BF16, layer::Bytes(Tile::period * 2, 0xff));
    std::vector<double> shares(world.size());
    world.crew().run([&](const Driver& driver) {
      for (const std::uint32_t r : driver.ranks)
        poison.upload(world, r, y[r], bytes);
      const Launch launch = prepare(driver, 1);
      world.crew().meet();
      launch();
      for (const std::uint32_t r : driver.ranks)
        for (int s = 0; s < 2; ++s)
          world.wait(r, world.stream(r, s));
      for (const std::uint32_t r : driver.ranks) {
        Comparison comparison;
        for (std::uint64_t probe = 0; probe < 24; ++probe) {
          const std::uint64_t row = probe == 0 ? m - 1 : probe * 2654435761u % m,
                              column = probe == 0 ? product.n() - 1 : probe * 40503u % product.n();
          double sum = 0, square = 0;
          for (std::uint32_t part = 0; part < world.size(); ++part)
            for (std::uint64_t i = 0; i < product.k(); ++i) {
              const double term =
                  inputs[part].at(row * product.k() + i) * product.value(part, column, i);
              sum += term;
              square += term * term;
            }
          std::uint8_t element[2];
          world.copy(r, element, at(y[r], (row * product.n() + column) * 2), 2);
          comparison.add(layer::read(element, DSK_DTYPE_BF16, 0), sum,
                         (1 + world.size() / 2.0) *
                             layer::ulp(DSK_DTYPE_BF16, 4 * std::sqrt(square)));
        }
        shares[r] = comparison.share();
      }
    });
    return *std::max_element(shares.begin(), shares.end());
  }
};

double time_of(World& world, const Prepare& prepare, bool small) {
  const std::uint32_t high =
      small ? 3 : std::max(3u, pieces_for(rough_us(world, prepare), 6000, 40));
  return Timed(world, prepare, 1, high).measure(small ? 3 : 5).us;
}

struct Best {
  double ratio = NAN, serial_ratio = NAN; // worst over the shapes
  std::uint64_t cases = 0, slower = 0;
};

/// G13 for one shape. The own choice is the fastest of what was measured, serial included.
void row_shape(const Options& options, World& world, const Rivals& rivals, const Shape& shape,
               std::uint64_t m, Verdict& verdict, Best& best) {
  const std::uint32_t count = world.size();
  const Product product(world, shape.n, shape.k / count, m);
  double gemm_us = NAN, reduce_us = NAN, serial_us = NAN, overlap_us = NAN;
  std::string how = "none";
  for (const Comms* comms : {rivals.own.get(), rivals.anchor.get()}) {
    if (!comms) continue;
    const Row row(world, product, *comms, m);
    const double right = row.deviation(row.serial(true, true));
    verdict.add(right);
    if (!(right <= 1)) continue;
    gemm_us = std::fmin(gemm_us, time_of(world, row.serial(true, false), options.small));
    reduce_us = std::fmin(reduce_us, time_of(world, row.serial(false, true), options.small));
    serial_us = std::fmin(serial_us, time_of(world, row.serial(true, true), options.small));
    for (const std::uint64_t chunks : {2, 4}) {
      const double ok = row.deviation(row.overlapped(chunks));
      verdict.add(ok);
      if (!(ok <= 1)) continue;
      const double us = time_of(world, row.overlapped(chunks), options.small);
      if (us < overlap_us || std::isnan(overlap_us)) {
        overlap_us = us;
        how = std::to_string(chunks) + " chunks, " +
              (comms == rivals.own.get() ? rivals.own_name : rivals.anchor_name);
      }
    }
  }
  const double ideal = std::fmax(gemm_us, reduce_us), chosen = std::fmin(serial_us, overlap_us);
  Line("prefill_row")
      .set("ranks", count)
      .set("layer", shape.name)
      .set("m", m)
      .set("n", shape.n)
      .set("k", shape.k / count)
      .set("product_us", gemm_us)
      .set("all_reduce_us", reduce_us)
      .set("serial_us", serial_us)
      .set("overlap_us", overlap_us)
      .set("overlap", how)
      .set("chosen_us", chosen)
      .set("chosen_over_ideal", chosen / ideal)
      .set("serial_over_ideal", serial_us / ideal)
      .emit();
  ++best.cases;
  best.slower += overlap_us > serial_us ? 1 : 0;
  // Where there is little to hide, the goal does not apply.
  if (serial_us / ideal >= 1.3 && !(chosen / ideal <= best.ratio)) best.ratio = chosen / ideal;
  if (!(overlap_us / serial_us <= best.serial_ratio)) best.serial_ratio = overlap_us / serial_us;
}

/// G14 for one shape: x arrives in rows of every rank, y is split by columns.
double column_shape(const Options& options, World& world, const Rivals& rivals, const Shape& shape,
                    std::uint64_t m, Verdict& verdict) {
  const std::uint32_t count = world.size();
  const Product product(world, shape.n / count, shape.k, m);
  const std::uint64_t width = shape.k * 2; // bytes of a row of x
  std::vector<void*> mine, x, y;
  std::vector<Tile> inputs;
  for (std::uint32_t r = 0; r < count; ++r) {
    mine.push_back(world.memory(r, m / count * width));
    x.push_back(world.memory(r, m * width));
    y.push_back(world.memory(r, m * product.n() * 2));
    inputs.push_back(Tile::random(DSK_DTYPE_BF16, 50 + r));
    inputs[r].upload(world, r, mine[r], m / count * width);
  }
  double hidden = NAN;
  for (const Comms* comms : {rivals.own.get(), rivals.anchor.get()}) {
    if (!comms) continue;
    const std::string name = comms == rivals.own.get() ? rivals.own_name : rivals.anchor_name;
    const auto gather = [&](const Driver& driver, std::uint64_t first, std::uint64_t rows,
                            int stream) {
      comms->all_gather(driver, DSK_DTYPE_BF16, rows / count * shape.k,
                        moved(mine, first / count * width), moved(x, first * width), stream);
    };
    const auto multiply = [&](const Driver& driver, std::uint64_t first, std::uint64_t rows) {
      for (const std::uint32_t r : driver.ranks)
        product.enqueue(r, rows, at(x[r], first * width), at(y[r], first * product.n() * 2));
    };
    const auto serial = [&](bool with_gather, bool with_product) -> Prepare {
      return [&, with_gather, with_product](const Driver& driver, std::uint32_t times) {
        return captured(world, driver, false, [&, with_gather, with_product, driver, times] {
          for (std::uint32_t i = 0; i < times; ++i) {
            if (with_gather) gather(driver, 0, m, 0);
            if (with_product) multiply(driver, 0, m);
          }
        });
      };
    };
    const auto overlapped = [&](std::uint64_t chunks) -> Prepare {
      return [&, chunks](const Driver& driver, std::uint32_t times) -> Launch {
        const std::uint64_t rows = m / chunks;
        std::vector<Launch> steps;
        for (std::uint64_t step = 0; step <= chunks; ++step)
          steps.push_back(captured(world, driver, true, [&, driver, step, rows, chunks] {
            if (step > 0) multiply(driver, (step - 1) * rows, rows);
            if (step < chunks) gather(driver, step * rows, rows, 1);
          }));
        return [steps, times] {
          for (std::uint32_t i = 0; i < times; ++i)
            for (const Launch& step : steps)
              step();
        };
      };
    };
    // A chunk of x holds the ranks' parts of that chunk behind each other.
    const auto deviation = [&](const Prepare& prepare, std::uint64_t chunks) {
      const std::uint64_t rows = m / chunks;
      const Tile poison(DSK_DTYPE_BF16, layer::Bytes(Tile::period * 2, 0xff));
      std::vector<double> shares(count);
      world.crew().run([&](const Driver& driver) {
        for (const std::uint32_t r : driver.ranks) {
          poison.upload(world, r, x[r], m * width);
          poison.upload(world, r, y[r], m * product.n() * 2);
        }
        const Launch launch = prepare(driver, 1);
        world.crew().meet();
        launch();
        for (const std::uint32_t r : driver.ranks)
          for (int s = 0; s < 2; ++s)
            world.wait(r, world.stream(r, s));
        for (const std::uint32_t r : driver.ranks) {
          Comparison comparison;
          for (std::uint64_t probe = 0; probe < 24; ++probe) {
            const std::uint64_t row = probe == 0 ? m - 1 : probe * 2654435761u % m,
                                column = probe * 40503u % product.n();
            const Tile& input = inputs[row % rows / (rows / count)];
            const std::uint64_t source = row / rows * (rows / count) + row % rows % (rows / count);
            double sum = 0, square = 0;
            for (std::uint64_t i = 0; i < shape.k; ++i) {
              const double term = input.at(source * shape.k + i) * product.value(r, column, i);
              sum += term;
              square += term * term;
            }
            std::uint8_t element[2];
            world.copy(r, element, at(y[r], (row * product.n() + column) * 2), 2);
            comparison.add(layer::read(element, DSK_DTYPE_BF16, 0), sum,
                           2 * layer::ulp(DSK_DTYPE_BF16, 4 * std::sqrt(square)));
          }
          shares[r] = comparison.share();
        }
      });
      return *std::max_element(shares.begin(), shares.end());
    };
    const double right = deviation(serial(true, true), 1);
    verdict.add(right);
    if (!(right <= 1)) continue;
    const double gather_us = time_of(world, serial(true, false), options.small),
                 product_us = time_of(world, serial(false, true), options.small),
                 serial_us = time_of(world, serial(true, true), options.small);
    for (const std::uint64_t chunks : {4, 8}) {
      if (m % (chunks * count) != 0) continue;
      const double ok = deviation(overlapped(chunks), chunks);
      verdict.add(ok);
      if (!(ok <= 1)) continue;
      const double us = time_of(world, overlapped(chunks), options.small);
      const double share = 1 - (us - product_us) / gather_us;
      Line("prefill_column")
          .set("ranks", count)
          .set("layer", shape.name)
          .set("m", m)
          .set("n", product.n())
          .set("k", shape.k)
          .set("transport", name)
          .set("chunks", chunks)
          .set("product_us", product_us)
          .set("all_gather_us", gather_us)
          .set("serial_us", serial_us)
          .set("overlap_us", us)
          .set("hidden_share", share)
          .emit();
      hidden = std::fmax(hidden, share);
    }
  }
  return hidden;
}

} // namespace

void prefill(const Options& options) {
  for (std::size_t i = 0; i < options.worlds.size(); ++i) {
    const std::uint32_t count = options.worlds[i];
    const double end_s = end_of_round(options, i, options.worlds.size());
    const std::string what = "n = " + std::to_string(count);
    std::vector<std::pair<Shape, std::uint64_t>> rows, columns;
    if (options.small) {
      rows = {{small_row, 64}};
      columns = {{small_column, 64}};
    } else {
      for (const std::uint64_t m : {4096, 2048, 8192})
        for (const Shape& shape : row_shapes)
          rows.emplace_back(shape, m);
      for (const Shape& shape : column_shapes)
        columns.emplace_back(shape, 4096);
    }
    const double pause_s = options.small ? 0.1 : 3;
    Best best;
    double hidden = NAN;
    std::uint64_t hidden_cases = 0;
    Verdict verdict{"prefill", options.one_device ? "one thread" : "threads", "all", count};
    // Columns take a fifth of the time, and come before the last rows.
    const auto left_out = [&](const Shape& shape, std::uint64_t m) {
      Line("unfinished")
          .set("part", "prefill")
          .set("what", what + ", " + shape.name + ", m = " + std::to_string(m))
          .emit();
    };
    try {
      World world(options, count);
      const Rivals rivals(options, world);
      const double rows_end_s = end_s - (end_s - now_s()) / 5;
      for (const auto& [shape, m] : rows) {
        if (now_s() + pause_s > rows_end_s) {
          left_out(shape, m);
          continue;
        }
        row_shape(options, world, rivals, shape, m, verdict, best);
        world.free_memory();
      }
      for (const auto& [shape, m] : columns) {
        if (now_s() + pause_s > end_s) {
          left_out(shape, m);
          continue;
        }
        hidden = std::fmin(hidden, column_shape(options, world, rivals, shape, m, verdict));
        world.free_memory();
        ++hidden_cases;
      }
    } catch (const Failed& e) {
      emit_skip("prefill", what, e.what());
      continue;
    }
    if (verdict.cases) emit(verdict);
    const std::string path =
        "split-m on two streams in graphs, 2 or 4 chunks, bf16; no kernel overlaps "
        "inside itself yet, and plans run serially";
    if (best.cases) {
      emit(options, {"G13 ratio", count,
                     "prefill: time / max(product, all-reduce), worst of the shapes with serial / "
                     "that >= 1.3, of " +
                         std::to_string(best.cases) + " shapes",
                     best.ratio, path});
      emit(options, {"G13 serial", count,
                     "prefill: overlapped / serial, worst; above 1 a plan has to stay serial: " +
                         std::to_string(best.slower) + " of " + std::to_string(best.cases),
                     best.serial_ratio, path});
    }
    if (hidden_cases)
      emit(options,
           {"G14", count, "", hidden,
            "split-m on two streams, all-gather by kernels; there is no copy-engine path yet"});
  }
}

} // namespace multi
