#include <algorithm>

#include "perf/step_state.hpp"

namespace dsk::perf {
namespace {

StepPart part_of(const std::string& name, double runs, double rows, const Row& row,
                 const Work& work) {
  StepPart part;
  part.name = name;
  part.runs = runs;
  part.rows = rows;
  part.us = total_us(row);
  for (std::size_t c = error_products; c < columns; ++c)
    part.error_us += row[c];
  part.flops = runs * work.flops;
  part.bytes = runs * work.bytes;
  part.resource = static_cast<Resource>(largest(row));
  return part;
}

} // namespace

std::vector<StepPart> StepModel::explain(const Batch& batch) const {
  const State& s = *state_;
  const RankBatch rank = s.rank_of(batch);
  std::vector<StepPart> parts;
  Row chunks{};
  const std::size_t slowest_rank = s.add_chunks(chunks, batch, rank);
  const auto kernel = [&](const auto& op, double rows, const Work& work, const KernelTime& time,
                          Column error) {
    if (rows <= 0) return;
    Row row{};
    add_kernel(row, op.count, time, error);
    StepPart part = part_of(op.name, op.count, rows, row, work);
    part.origin = time.origin;
    part.calibrated = time.calibrated;
    parts.push_back(std::move(part));
  };
  for (const ProductTimer& t : s.products) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_products);
  }
  for (const AttentionTimer& t : s.attention) {
    const AttentionOp& op = t.op();
    if (rank.sequences > 0) {
      Row row{};
      KernelTime time;
      if (op.count > 0) time = t.add_decode(row, op.count, rank.sequences, rank.length, s.queries);
      if (op.draft_count > 0)
        time = t.add_decode(row, op.draft_count, rank.sequences, rank.length, 1);
      StepPart part = part_of(op.name + "/decode", op.count + op.draft_count, rank.sequences, row,
                              t.decode_work(rank.sequences, rank.length, s.queries));
      part.origin = time.origin;
      part.calibrated = time.calibrated;
      parts.push_back(std::move(part));
    }
    for (int i = 0; i < std::clamp(batch.chunks, 0, 4) && op.count > 0; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (rank.chunk_rank[at] != slowest_rank) continue; // at the same time as this one
      Row row{};
      const double fresh = static_cast<double>(batch.prefill[at].new_tokens);
      const double context = static_cast<double>(batch.prefill[at].context);
      t.add_prefill(row, op.count, fresh, context);
      Work work = t.prefill_work(fresh, context);
      if (op.expands)
        work += gemm_work(fresh + context, op.expansion.n, op.expansion.k, 1,
                          op.expansion.weight_bytes, input_element_bytes(op.expansion.precision));
      StepPart part = part_of(op.name + "/prefill", op.count, fresh, row, work);
      const KernelTimer::Factor factor = t.prefill_factor(fresh + context);
      part.origin = factor.origin;
      part.calibrated = factor.calibrated;
      parts.push_back(std::move(part));
    }
  }
  for (const ExpertsTimer& t : s.experts) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_experts);
  }
  for (const ElementwiseTimer& t : s.elementwise) {
    const double rows = s.rows_of(rank, t.op.rows);
    kernel(t.op, rows, t.work(rows), t.at(rows), error_engine);
  }
  for (const LinkTimer& t : s.links) {
    const double rows = s.rows_of(rank, t.op.rows);
    if (rows <= 0) continue;
    Row row{};
    const CollectiveTime time = t.timer.at(rows);
    add_collective(row, t.op.count, time);
    StepPart part = part_of(t.op.name, t.op.count, rows, row, {});
    const Traffic traffic = t.timer.traffic(rows);
    part.link_bytes = t.op.count * (traffic.scale_up + traffic.scale_out);
    part.origin = time.origin;
    part.calibrated = time.calibrated;
    parts.push_back(std::move(part));
  }
  Row engine{};
  s.add_engine(engine, rank);
  StepPart part = part_of("engine/layers and sequences", 1, rank.sampled, engine, {});
  part.calibrated = s.overheads.calibrated;
  parts.push_back(std::move(part));
  return parts;
}

} // namespace dsk::perf
