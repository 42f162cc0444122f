#include "perf/step.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "perf/collectives.hpp"
#include "perf/moe.hpp"
#include "perf/step_curve.hpp"
#include "perf/step_overheads.hpp"

namespace dsk::perf {

const char* resource_name(Resource resource) {
  static constexpr const char* names[] = {"compute",   "memory", "scale_up",
                                          "scale_out", "launch", "host"};
  return names[static_cast<std::size_t>(resource)];
}

namespace {

// Columns of every curve: time by resource, then half widths of the interval by class. Errors of
// one class add up, since one law or table stands behind them; classes are independent.
enum Column : std::size_t {
  compute,
  memory,
  scale_up,
  scale_out,
  launch,
  host,
  error_products,
  error_experts,
  error_attention,
  error_links,
  error_engine,
  columns
};
using Row = std::array<double, columns>;

constexpr std::size_t token_knots = 20 * knots_per_octave;    // to 1 M tokens, then straight on
constexpr std::size_t sequence_knots = 13 * knots_per_octave; // to 8 K sequences
constexpr std::size_t length_knots = 21 * knots_per_octave;   // to 2 M tokens

void add_kernel(Row& row, double runs, const KernelTime& time, Column error) {
  row[launch] += runs * time.launch_us;
  row[time.compute_bound ? compute : memory] += runs * (time.us - time.launch_us);
  row[error] += runs * time.us * time.error;
}

void add_collective(Row& row, double runs, const CollectiveTime& time) {
  row[scale_up] += runs * time.scale_up_us;
  row[scale_out] += runs * time.scale_out_us;
  row[error_links] += runs * time.us * time.error;
}

struct ProductTimer {
  MatrixOp op;
  Roofline law;

  Work work(double rows) const {
    return gemm_work(rows, op.n, op.k, op.copies, op.weight_bytes,
                     input_element_bytes(op.precision));
  }
  KernelTime at(double rows) const { return law.at(work(rows)); }
};

struct ExpertsTimer {
  ExpertsOp op;
  Roofline law;
  bool local_input = false; // rows are already only this rank's (behind an all-to-all)

  Work work(double tokens) const {
    const double local = op.experts / op.ep;
    const RankLoad load = rank_load(op.experts, op.top_k, tokens, op.ep, default_expert_skew);
    const double hit = expected_distinct_experts(op.experts, op.top_k, tokens) / op.ep;
    // Streaming: the rank with most hits sets the time; spread of a sum of `local` yes-no events.
    const double p = std::min(1.0, hit / local);
    const double sigma = std::sqrt(local * p * (1 - p));
    const double worst =
        op.ep > 1
            ? std::min(local, hit + sigma * std::sqrt(2 * std::log(static_cast<double>(op.ep))))
            : hit;
    return experts_work(load.max, worst, op.hidden, op.intermediate, op.expert_bytes,
                        input_element_bytes(op.precision));
  }
  KernelTime at(double tokens) const { return law.at(work(tokens)); }
};

struct AttentionTimer {
  AttentionOp op;
  Roofline decode_law;
  Roofline prefill_law;
  Roofline index_law;
  ProductTimer expansion;

  void add_decode(Row& row, double runs, double sequences, double length, double queries) const {
    add_kernel(row, runs,
               decode_law.at(decode_attention_work(op.shape, sequences, length, queries)),
               error_attention);
    const Work index = decode_index_work(op.shape, sequences, length, queries);
    if (index.flops > 0) add_kernel(row, runs, index_law.at(index), error_attention);
  }
  void add_prefill(Row& row, double runs, double fresh, double context) const noexcept {
    add_kernel(row, runs, prefill_law.at(prefill_attention_work(op.shape, fresh, context)),
               error_attention);
    const Work index = prefill_index_work(op.shape, fresh, context);
    if (index.flops > 0) add_kernel(row, runs, index_law.at(index), error_attention);
    if (op.expands) add_kernel(row, runs, expansion.at(fresh + context), error_products);
  }
};

struct Elementwise {
  ElementwiseOp op;
  Roofline law;
  Work work(double rows) const { return {0, rows * op.bytes_per_row}; }
  KernelTime at(double rows) const { return law.at(work(rows)); }
};

struct Link {
  CollectiveOp op;
  CollectiveTimer timer;
};

// One rank's share of a batch: what the slowest attention rank does.
struct RankBatch {
  double sequences = 0;
  double length = 0; // mean KV length of its sequences
  double longest = 0;
  double tokens = 0; // decode and prefill
  double replica_tokens = 0;
  double decode_tokens = 0;
  double sampled = 0;
  std::array<double, 4> chunk_rank{}; // rank of each chunk
  int ranks = 1;
};

} // namespace

struct StepModel::State {
  Parallel parallel;
  double queries = 1; // tokens a decoding sequence brings
  std::int64_t max_positions = 0;
  std::string model_name;
  LayerCounts layers;
  EngineOverheads overheads;

  std::vector<ProductTimer> products;
  std::vector<ExpertsTimer> experts;
  std::vector<AttentionTimer> attention;
  std::vector<Elementwise> elementwise;
  std::vector<Link> links;

  std::array<Curve<columns>, rows_count> curves;
  Surface<columns> decode;

  explicit State(const Deployment& d);
  void fill();
  RankBatch rank_of(const Batch& batch) const noexcept;
  double rows_of(const RankBatch& rank, Rows rows) const noexcept;
  void add_engine(Row& row, const RankBatch& rank) const noexcept;
  void add_chunks(Row& row, const Batch& batch, const RankBatch& rank) const noexcept;
};

StepModel::State::State(const Deployment& d)
    : parallel(d.parallel), queries(1 + d.mtp_tokens), max_positions(d.model->max_positions),
      model_name(d.model->name), overheads(engine_overheads(*d.engine, *d.device)) {
  const Device& device = *d.device;
  Graph graph = graph_of(d);
  layers = graph.layers;
  for (MatrixOp& op : graph.products)
    products.push_back({op, gemm_roofline(device, op.precision)});
  for (ExpertsOp& op : graph.experts)
    experts.push_back({op, experts_roofline(device, op.precision)});
  for (AttentionOp& op : graph.attention)
    attention.push_back({op,
                         decode_attention_roofline(device, op.shape),
                         prefill_attention_roofline(device, op.shape),
                         index_roofline(device),
                         {op.expansion, gemm_roofline(device, op.expansion.precision)}});
  for (ElementwiseOp& op : graph.elementwise)
    elementwise.push_back({op, elementwise_roofline(device)});
  for (CollectiveOp& op : graph.collectives)
    links.push_back({op, CollectiveTimer(device, *d.engine, op)});
  fill();
}

void StepModel::State::fill() {
  for (Curve<columns>& curve : curves)
    curve = Curve<columns>(token_knots);
  const auto each_knot = [&](Rows rows, auto&& body) {
    Curve<columns>& curve = curves[static_cast<std::size_t>(rows)];
    for (std::size_t i = 0; i < curve.size(); ++i)
      body(knot(i), curve[i]);
  };
  for (const ProductTimer& t : products)
    each_knot(t.op.rows,
              [&](double x, Row& row) { add_kernel(row, t.op.count, t.at(x), error_products); });
  for (const ExpertsTimer& t : experts)
    each_knot(t.op.rows,
              [&](double x, Row& row) { add_kernel(row, t.op.count, t.at(x), error_experts); });
  for (const Elementwise& t : elementwise)
    each_knot(t.op.rows,
              [&](double x, Row& row) { add_kernel(row, t.op.count, t.at(x), error_engine); });
  for (const Link& t : links)
    each_knot(t.op.rows,
              [&](double x, Row& row) { add_collective(row, t.op.count, t.timer.at(x)); });
  decode = Surface<columns>(sequence_knots, length_knots);
  for (std::size_t x = 0; x < sequence_knots; ++x)
    for (std::size_t y = 0; y < length_knots; ++y)
      for (const AttentionTimer& t : attention) {
        Row& row = decode.at(x, y);
        if (t.op.count > 0) t.add_decode(row, t.op.count, knot(x), knot(y), queries);
        if (t.op.draft_count > 0) t.add_decode(row, t.op.draft_count, knot(x), knot(y), 1);
      }
}

RankBatch StepModel::State::rank_of(const Batch& batch) const noexcept {
  RankBatch rank;
  const double dp = parallel.dp;
  const double sequences = static_cast<double>(batch.decode_sequences);
  rank.ranks = parallel.dp;
  if (batch.decode_sequences > 0) {
    rank.sequences = std::ceil(sequences / dp);
    const double mean = static_cast<double>(batch.kv_sum) / sequences;
    rank.longest = std::max(mean, static_cast<double>(batch.kv_max));
    rank.length = mean;
    if (parallel.dp > 1 && rank.longest > mean) {
      // The step waits for the rank with most KV: the expected maximum of dp sums, with the spread
      // of one length taken as a third of the way from the mean to the longest.
      const double sigma = (rank.longest - mean) / 3 / std::sqrt(rank.sequences);
      rank.length = std::min(rank.longest, mean + sigma * std::sqrt(2 * std::log(dp)));
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
    rank.chunk_rank[chunk] = static_cast<double>(least);
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

void StepModel::State::add_chunks(Row& row, const Batch& batch,
                                  const RankBatch& rank) const noexcept {
  std::array<Row, 4> by_rank{};
  const int chunks = std::clamp(batch.chunks, 0, 4);
  for (int i = 0; i < chunks; ++i) {
    const PrefillChunk& chunk = batch.prefill[static_cast<std::size_t>(i)];
    Row& own = by_rank[static_cast<std::size_t>(rank.chunk_rank[static_cast<std::size_t>(i)])];
    for (const AttentionTimer& t : attention)
      if (t.op.count > 0)
        t.add_prefill(own, t.op.count, static_cast<double>(chunk.new_tokens),
                      static_cast<double>(chunk.context));
  }
  const Row* slowest = &by_rank[0];
  for (const Row& other : by_rank)
    if (other[compute] + other[memory] + other[launch] >
        (*slowest)[compute] + (*slowest)[memory] + (*slowest)[launch])
      slowest = &other;
  for (std::size_t c = 0; c < columns; ++c)
    row[c] += (*slowest)[c];
}

StepModel::StepModel(const Deployment& deployment)
    : state_(std::make_unique<const State>(deployment)) {}
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
  if (rank.sequences > 0) s.decode.add(rank.sequences, std::max(1.0, rank.length), row);
  if (batch.chunks > 0) s.add_chunks(row, batch, rank);
  s.add_engine(row, rank);

  time.compute_us = row[compute];
  time.memory_us = row[memory];
  time.scale_up_us = row[scale_up];
  time.scale_out_us = row[scale_out];
  time.launch_us = row[launch];
  time.host_us = row[host];
  std::size_t largest = compute;
  for (std::size_t c = compute; c <= host; ++c) {
    time.total_us += row[c];
    if (row[c] > row[largest]) largest = c;
  }
  time.binding = static_cast<Resource>(largest);
  double squares = 0;
  for (std::size_t c = error_products; c < columns; ++c)
    squares += row[c] * row[c];
  const double relative = std::sqrt(squares) / time.total_us;
  time.low_us = time.total_us / (1 + relative);
  time.high_us = time.total_us * (1 + relative);
  return time;
}

namespace {

double total_of(const Row& row) {
  double total = 0;
  for (std::size_t c = compute; c <= host; ++c)
    total += row[c];
  return total;
}

Resource resource_of(const Row& row) {
  std::size_t largest = compute;
  for (std::size_t c = compute; c <= host; ++c)
    if (row[c] > row[largest]) largest = c;
  return static_cast<Resource>(largest);
}

StepPart part_of(const std::string& name, double runs, double rows, const Row& row,
                 const Work& work) {
  StepPart part;
  part.name = name;
  part.runs = runs;
  part.rows = rows;
  part.us = total_of(row);
  for (std::size_t c = error_products; c < columns; ++c)
    part.error_us += row[c];
  part.flops = runs * work.flops;
  part.bytes = runs * work.bytes;
  part.resource = resource_of(row);
  return part;
}

} // namespace

double StepModel::rows_us(const StepRows& rows) const noexcept {
  const State& s = *state_;
  RankBatch rank;
  rank.sequences = rows.busiest_sequences;
  rank.decode_tokens = rows.busiest_sequences * s.queries;
  rank.tokens = rank.decode_tokens + rows.busiest_prefill_tokens;
  rank.replica_tokens = rows.sequences * s.queries + rows.prefill_tokens;
  rank.sampled = rank.decode_tokens + std::ceil(rows.prompts / s.parallel.dp);
  if (rank.replica_tokens <= 0) return 0;
  Row row{};
  for (std::size_t i = 0; i < rows_count; ++i) {
    const double count = s.rows_of(rank, static_cast<Rows>(i));
    if (count > 0) s.curves[i].add(count, row);
  }
  s.add_engine(row, rank);
  return total_of(row);
}

double StepModel::decode_attention_us(double sequences, double mean_length) const noexcept {
  Row row{};
  if (sequences > 0) state_->decode.add(sequences, std::max(1.0, mean_length), row);
  return total_of(row);
}

double StepModel::chunk_attention_us(const PrefillChunk& chunk) const noexcept {
  Row row{};
  for (const AttentionTimer& t : state_->attention)
    if (t.op.count > 0)
      t.add_prefill(row, t.op.count, static_cast<double>(chunk.new_tokens),
                    static_cast<double>(chunk.context));
  return total_of(row);
}

std::vector<StepPart> StepModel::explain(const Batch& batch) const {
  const State& s = *state_;
  const RankBatch rank = s.rank_of(batch);
  std::vector<StepPart> parts;
  const auto kernel = [&](const auto& op, double rows, const Work& work, const KernelTime& time,
                          Column error) {
    if (rows <= 0) return;
    Row row{};
    add_kernel(row, op.count, time, error);
    StepPart part = part_of(op.name, op.count, rows, row, work);
    part.origin = time.origin;
    parts.push_back(std::move(part));
  };
  for (const ProductTimer& t : s.products) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_products);
  }
  for (const AttentionTimer& t : s.attention) {
    const double runs = t.op.count + t.op.draft_count;
    if (rank.sequences > 0) {
      Row row{};
      if (t.op.count > 0) t.add_decode(row, t.op.count, rank.sequences, rank.length, s.queries);
      if (t.op.draft_count > 0) t.add_decode(row, t.op.draft_count, rank.sequences, rank.length, 1);
      const Work work = decode_attention_work(t.op.shape, rank.sequences, rank.length, s.queries) +
                        decode_index_work(t.op.shape, rank.sequences, rank.length, s.queries);
      parts.push_back(part_of(t.op.name + "/decode", runs, rank.sequences, row, work));
    }
    for (int i = 0; i < std::clamp(batch.chunks, 0, 4) && t.op.count > 0; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (rank.chunk_rank[at] > 0) continue; // another attention rank, at the same time
      Row row{};
      const double fresh = static_cast<double>(batch.prefill[at].new_tokens);
      const double context = static_cast<double>(batch.prefill[at].context);
      t.add_prefill(row, t.op.count, fresh, context);
      Work work = prefill_attention_work(t.op.shape, fresh, context) +
                  prefill_index_work(t.op.shape, fresh, context);
      if (t.op.expands) work += t.expansion.work(fresh + context);
      parts.push_back(part_of(t.op.name + "/prefill", t.op.count, fresh, row, work));
    }
  }
  for (const ExpertsTimer& t : s.experts) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_experts);
  }
  for (const Elementwise& t : s.elementwise) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_engine);
  }
  for (const Link& t : s.links) {
    const double rows = s.rows_of(rank, t.op.rows);
    if (rows <= 0) continue;
    Row row{};
    const CollectiveTime time = t.timer.at(rows);
    add_collective(row, t.op.count, time);
    StepPart part = part_of(t.op.name, t.op.count, rows, row, {});
    part.link_bytes = t.op.count * rows * t.op.bytes_per_row;
    part.origin = time.origin;
    parts.push_back(std::move(part));
  }
  Row engine{};
  s.add_engine(engine, rank);
  StepPart part = part_of("engine/layers and sequences", 1, rank.sampled, engine, {});
  parts.push_back(std::move(part));
  return parts;
}

void StepModel::check(const Batch& batch, const std::string& path) const {
  constexpr std::int64_t most = std::int64_t{1} << 40;
  const auto range = [&](std::int64_t value, std::int64_t least, std::int64_t greatest,
                         const std::string& member) {
    if (value < least || value > greatest)
      invalid_request(path + "/" + member, member + " is " + std::to_string(value) +
                                               ", must lie between " + std::to_string(least) +
                                               " and " + std::to_string(greatest));
  };
  const std::int64_t positions = state_->max_positions > 0 ? state_->max_positions : most;
  range(batch.decode_sequences, 0, std::int64_t{1} << 20, "decode_sequences");
  range(batch.kv_max, 0, positions, "kv_max");
  range(batch.kv_sum, batch.kv_max, std::max(batch.kv_max, batch.decode_sequences * batch.kv_max),
        "kv_sum");
  if (batch.decode_sequences > 0) range(batch.kv_sum, batch.decode_sequences, most, "kv_sum");
  range(batch.chunks, 0, 4, "chunks");
  for (int i = 0; i < batch.chunks; ++i) {
    const PrefillChunk& chunk = batch.prefill[static_cast<std::size_t>(i)];
    const std::string at = "prefill/" + std::to_string(i);
    range(chunk.new_tokens, 1, positions, at + "/new_tokens");
    range(chunk.context, 0, positions - chunk.new_tokens, at + "/context");
  }
  if (batch.decode_sequences == 0 && batch.chunks == 0)
    invalid_request(path, "the batch has neither decode sequences nor prefill chunks");
}

} // namespace dsk::perf
