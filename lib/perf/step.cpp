#include "perf/step.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "perf/step_state.hpp"

namespace dsk::perf {

const char* resource_name(Resource resource) {
  static constexpr const char* names[] = {"compute",   "memory", "scale_up",
                                          "scale_out", "launch", "host"};
  return names[static_cast<std::size_t>(resource)];
}

namespace {

// What a model that the runs do not hold may be off more. Assumed.
constexpr double error_other_model = 0.10;

template <class Timer>
void add_runs(Curve<columns>& curve, const StepCache::State::Prepared<Timer>& prepared) {
  const double runs = prepared.timer.op.count;
  for (std::size_t i = 0; i < curve.size(); ++i)
    for (std::size_t c = 0; c < columns; ++c)
      curve[i][c] += runs * prepared.once[i][c];
}

} // namespace

StepModel::State::State(const Deployment& d, StepCache::State& cache)
    : parallel(d.parallel), queries(1 + d.mtp_tokens), max_positions(d.model->max_positions),
      overheads(engine_overheads(*d.engine, *d.device)) {
  const Device& device = *d.device;
  const Engine& engine = *d.engine;
  Rates rates = rates_of(device);
  rates.launch_delta_us = launch_delta_us(device, launches_programmatically(engine, device));
  if (engine.runs && engine.runs->device == device.name) {
    rates.compute_factor = engine.runs->compute;
    rates.memory_factor = engine.runs->memory;
    const auto& seen = engine.runs->models;
    const bool known = std::find(seen.begin(), seen.end(), d.model->name) != seen.end();
    runs_error = known ? engine.runs->error : std::hypot(engine.runs->error, error_other_model);
  }
  Graph graph = graph_of(d);
  layers = graph.layers;
  for (Curve<columns>& curve : curves)
    curve = Curve<columns>(token_knots);
  const auto curve_of = [this](Rows rows) -> Curve<columns>& {
    return curves[static_cast<std::size_t>(rows)];
  };
  // Prepared once for each shape; name, rows and count are this deployment's own.
  for (const MatrixOp& op : graph.products) {
    auto prepared = cache.product(op, rates, engine);
    prepared.timer.op = op;
    add_runs(curve_of(op.rows), prepared);
    products.push_back(std::move(prepared.timer));
  }
  for (const ExpertsOp& op : graph.experts) {
    auto prepared = cache.experts(op, rates, engine);
    prepared.timer.op = op;
    add_runs(curve_of(op.rows), prepared);
    experts.push_back(std::move(prepared.timer));
  }
  for (const AttentionOp& op : graph.attention)
    attention.push_back(cache.attention(op, rates, engine).with(op));
  decode = cache.decode(attention, queries, rates, engine);
  for (const ElementwiseOp& op : graph.elementwise) {
    const ElementwiseTimer& t = elementwise.emplace_back(op, rates);
    Curve<columns>& curve = curve_of(op.rows);
    for (std::size_t i = 0; i < curve.size(); ++i)
      add_kernel(curve[i], op.count, t.at(knot(i)), error_engine);
  }
  for (const CollectiveOp& op : graph.collectives) {
    links.push_back({op, CollectiveTimer(device, engine, op)});
    Curve<columns>& curve = curve_of(op.rows);
    for (std::size_t i = 0; i < curve.size(); ++i)
      add_collective(curve[i], op.count, links.back().timer.at(knot(i)));
  }
  // A measured expert kernel brings its own fixed time.
  for (const ExpertsTimer& t : experts)
    if (t.measured()) overheads.moe_layer_us = 0;
}

RankBatch StepModel::State::rank_of(const Batch& batch) const noexcept {
  RankBatch rank;
  const double dp = parallel.dp;
  const double sequences = static_cast<double>(batch.decode_sequences);
  if (batch.decode_sequences > 0) {
    rank.sequences = std::ceil(sequences / dp);
    const double mean = static_cast<double>(batch.kv_sum) / sequences;
    const double longest = static_cast<double>(batch.kv_max);
    rank.length = mean;
    if (parallel.dp > 1 && longest > mean) {
      // The step waits for the rank with most KV: the expected maximum of dp sums, with the spread
      // of one length taken as a third of the way from the mean to the longest.
      const double sigma = (longest - mean) / 3 / std::sqrt(rank.sequences);
      rank.length = std::min(longest, mean + sigma * std::sqrt(2 * std::log(dp)));
    }
  }
  // Chunks, largest first, go to the rank with the least prefill work.
  std::array<int, 4> order{0, 1, 2, 3};
  std::array<double, 4> load{};
  const int chunks = std::clamp(batch.chunks, 0, 4);
  const int bins = std::min(parallel.dp, 4);
  std::sort(order.begin(), order.begin() + chunks, [&](int a, int b) {
    return batch.prefill[static_cast<std::size_t>(a)].new_tokens >
           batch.prefill[static_cast<std::size_t>(b)].new_tokens;
  });
  double fresh = 0;
  for (int i = 0; i < chunks; ++i) {
    const auto chunk = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    const auto least = static_cast<std::size_t>(
        std::min_element(load.begin(), load.begin() + bins) - load.begin());
    const double tokens = static_cast<double>(batch.prefill[chunk].new_tokens);
    load[least] += tokens;
    fresh += tokens;
    rank.chunk_rank[chunk] = least;
  }
  const double busiest = *std::max_element(load.begin(), load.end());
  rank.decode_tokens = rank.sequences * queries;
  rank.tokens = rank.decode_tokens + busiest;
  rank.replica_tokens = sequences * queries + fresh;
  rank.sampled = rank.decode_tokens + std::ceil(chunks / dp);
  return rank;
}

double StepModel::State::rows_of(const RankBatch& rank, Rows rows) const noexcept {
  switch (rows) {
  case Rows::tokens:
    return rank.tokens;
  case Rows::replica_tokens:
    return rank.replica_tokens;
  case Rows::sampled:
    return rank.sampled;
  case Rows::decode_tokens:
    return rank.decode_tokens;
  case Rows::drafted:
    return rank.sequences;
  }
  return 0;
}

void StepModel::State::add_engine(Row& row, const RankBatch& rank) const noexcept {
  double count = layers.dense + layers.moe;
  double us = count * overheads.layer_us + layers.moe * overheads.moe_layer_us +
              layers.linear * overheads.linear_layer_us;
  if (rank.sequences > 0) {
    count = layers.drafted_dense + layers.drafted_moe;
    us += count * overheads.layer_us + layers.drafted_moe * overheads.moe_layer_us;
  }
  const double per_sequence = rank.sampled / queries * overheads.sequence_us;
  row[launch] += us;
  row[host] += per_sequence;
  row[error_engine] += (us + per_sequence) * overheads.error;
}

std::size_t StepModel::State::add_chunks(Row& row, const Batch& batch,
                                         const RankBatch& rank) const noexcept {
  std::array<Row, 4> by_rank{};
  const auto chunks = static_cast<std::size_t>(std::clamp(batch.chunks, 0, 4));
  for (std::size_t i = 0; i < chunks; ++i)
    for (const AttentionTimer& t : attention)
      if (t.op().count > 0)
        t.add_prefill(by_rank[rank.chunk_rank[i]], t.op().count,
                      static_cast<double>(batch.prefill[i].new_tokens),
                      static_cast<double>(batch.prefill[i].context));
  std::size_t slowest = 0;
  for (std::size_t r = 1; r < by_rank.size(); ++r)
    if (total_us(by_rank[r]) > total_us(by_rank[slowest])) slowest = r;
  for (std::size_t c = 0; c < columns; ++c)
    row[c] += by_rank[slowest][c];
  return slowest;
}

StepModel::StepModel(const Deployment& deployment) {
  StepCache own;
  state_ = std::make_unique<const State>(deployment, own.state());
}
StepModel::StepModel(const Deployment& deployment, StepCache& cache)
    : state_(std::make_unique<const State>(deployment, cache.state())) {}
StepModel::~StepModel() = default;
StepModel::StepModel(StepModel&&) noexcept = default;
StepModel& StepModel::operator=(StepModel&&) noexcept = default;

StepTime StepModel::step(const Batch& batch) const noexcept {
  const State& s = *state_;
  const RankBatch rank = s.rank_of(batch);
  StepTime time;
  if (rank.replica_tokens <= 0) return time;
  Row row{};
  for (std::size_t i = 0; i < rows_count; ++i) {
    const double rows = s.rows_of(rank, static_cast<Rows>(i));
    if (rows > 0) s.curves[i].add(rows, row);
  }
  if (rank.sequences > 0) s.decode->add(rank.sequences, std::max(1.0, rank.length), row);
  if (batch.chunks > 0) s.add_chunks(row, batch, rank);
  s.add_engine(row, rank);

  time.compute_us = row[compute];
  time.memory_us = row[memory];
  time.scale_up_us = row[scale_up];
  time.scale_out_us = row[scale_out];
  time.launch_us = row[launch];
  time.host_us = row[host];
  time.total_us = total_us(row);
  time.binding = static_cast<Resource>(largest(row));
  const double relative = std::min(relative_error(row), s.runs_error);
  time.low_us = time.total_us / (1 + relative);
  time.high_us = time.total_us * (1 + relative);
  return time;
}

namespace {

// Text is built on failure only: a valid batch costs no allocation.
void need(std::int64_t value, std::int64_t least, std::int64_t greatest, const char* member,
          const char* path, int chunk = -1) {
  if (value >= least && value <= greatest) return;
  std::string at = path;
  if (chunk >= 0) at += "/prefill/" + std::to_string(chunk);
  invalid_request(at + "/" + member, std::string(member) + " is " + std::to_string(value) +
                                         ", must lie between " + std::to_string(least) + " and " +
                                         std::to_string(greatest));
}

} // namespace

void StepModel::check(const Batch& batch, const char* path) const {
  constexpr std::int64_t most_sequences = std::int64_t{1} << 20;
  constexpr std::int64_t most_tokens = std::int64_t{1} << 40;
  const std::int64_t positions = state_->max_positions > 0 ? state_->max_positions : most_tokens;
  need(batch.decode_sequences, 0, most_sequences, "decode_sequences", path);
  if (batch.decode_sequences > 0) {
    need(batch.kv_max, 1, positions, "kv_max", path);
    // Every cache holds a token, one holds kv_max, none holds more.
    need(batch.kv_sum, batch.kv_max + batch.decode_sequences - 1,
         batch.decode_sequences * batch.kv_max, "kv_sum", path);
  }
  need(batch.chunks, 0, 4, "chunks", path);
  for (int i = 0; i < batch.chunks; ++i) {
    const PrefillChunk& chunk = batch.prefill[static_cast<std::size_t>(i)];
    need(chunk.new_tokens, 1, positions, "new_tokens", path, i);
    need(chunk.context, 0, positions - chunk.new_tokens, "context", path, i);
  }
  if (batch.decode_sequences == 0 && batch.chunks == 0)
    invalid_request(path, "the batch has neither decode sequences nor prefill chunks");
}

} // namespace dsk::perf
