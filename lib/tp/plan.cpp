#include "tp/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "backend/loader.hpp"
#include "base/error.hpp"

namespace dsk::tp {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::uint32_t gemm_flags(std::uint32_t flags) {
  std::uint32_t out = 0;
  if (flags & DSK_TP_ALLOW_TF32) out |= DSK_BACKEND_GEMM_TF32;
  if (flags & DSK_TP_BATCH_INVARIANT) out |= DSK_BACKEND_GEMM_BATCH_INVARIANT;
  if (flags & DSK_TP_REFERENCE) out |= DSK_BACKEND_GEMM_REFERENCE;
  if (flags & DSK_TP_NO_MEASURE) out |= DSK_BACKEND_GEMM_NO_MEASURE;
  return out;
}

void check_common(const Comm& comm, dsk_dtype activation, std::uint64_t max_m, std::uint32_t flags,
                  std::uint32_t allowed) {
  if (activation != DSK_DTYPE_F32 && activation != DSK_DTYPE_BF16 && activation != DSK_DTYPE_F16)
    invalid_argument("desc.activation_dtype is " + std::string(name_of(activation)) +
                     "; allowed are F32, BF16 and F16");
  if (max_m == 0 || max_m > DSK_TP_MAX_M)
    invalid_argument("desc.max_m is " + std::to_string(max_m) + "; allowed is 1 to " +
                     std::to_string(DSK_TP_MAX_M));
  if (flags & ~allowed)
    invalid_argument("desc.flags has bits that this plan does not take: " +
                     std::to_string(flags & ~allowed));
  if ((flags & DSK_TP_REFERENCE) && !comm.device()->is_cpu())
    throw Error(DSK_STATUS_UNSUPPORTED, "DSK_TP_REFERENCE is for the CPU backend");
}

constexpr std::uint32_t shared_flags =
    DSK_TP_ALLOW_TF32 | DSK_TP_BATCH_INVARIANT | DSK_TP_REFERENCE | DSK_TP_NO_MEASURE;
constexpr std::uint32_t reduce_flags = DSK_TP_REDUCE_F32 | DSK_TP_RESIDUAL;

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + 255) / 256 * 256;
}

struct Span {
  const char* name;
  const void* begin;
  std::uint64_t bytes;
};

bool overlap(const Span& a, const Span& b) {
  if (!a.begin || !b.begin || a.bytes == 0 || b.bytes == 0) return false;
  const auto x = reinterpret_cast<std::uintptr_t>(a.begin),
             y = reinterpret_cast<std::uintptr_t>(b.begin);
  return x < y + b.bytes && y < x + a.bytes;
}

} // namespace

/* -------------------------------------------------------------------- product */

Product::Product(const std::shared_ptr<Device>& device, const Shard& shard, dsk_dtype activation,
                 dsk_dtype output, std::uint64_t max_m, std::uint32_t flags, Tuning* tuning)
    : device_(device), data_(device, shard.data.data(), shard.data.size()),
      scales_(device, shard.scales.data(), shard.scales.size() * sizeof(float)),
      scale_rows_(device, shard.scale_rows.data(), shard.scale_rows.size() * sizeof(std::int32_t)),
      bias_(device, shard.bias.data(), shard.bias.size()), n_(shard.n), k_(shard.k) {
  dsk_backend_gemm_desc desc{};
  desc.struct_size = sizeof desc;
  desc.flags = gemm_flags(flags);
  desc.activation_dtype = activation;
  desc.weight_dtype = shard.dtype;
  desc.output_dtype = output;
  desc.k_phase = shard.k_phase;
  desc.n = shard.n;
  desc.k = shard.k;
  desc.max_m = max_m;
  desc.weight = data_.get();
  desc.weight_scales = static_cast<const float*>(scales_.get());
  desc.scale_rows = static_cast<const std::int32_t*>(scale_rows_.get());
  desc.scale_row_count = shard.scale_row_count;
  desc.bias = bias_.get();
  std::string key, saved;
  if (tuning) {
    key = std::string(device->api().name) + "; " + device->info().tuning_key + "; n " +
          std::to_string(n_) + " k " + std::to_string(k_) + " phase " +
          std::to_string(shard.k_phase) + " m " + std::to_string(max_m) + " " +
          name_of(activation) + " " + name_of(shard.dtype) + " " + name_of(output) +
          (bias_.get() ? " bias" : "") + " flags " +
          std::to_string(desc.flags & ~DSK_BACKEND_GEMM_NO_MEASURE);
    saved = tuning->find(key);
    desc.choices = saved.empty() ? nullptr : saved.data();
    desc.choices_len = saved.size();
  }
  dsk_backend_error error{};
  const dsk_backend_api& api = device->api();
  dsk::backend::check(api.gemm_create(device->handle(), &desc, &handle_, &error), error, "");
  dsk_backend_gemm_info info{};
  info.struct_size = sizeof info;
  if (const dsk_status status = api.gemm_info(handle_, &info, &error); status != DSK_STATUS_OK) {
    api.gemm_destroy(std::exchange(handle_, nullptr));
    dsk::backend::check(status, error, "");
  }
  workspace_bytes_ = info.workspace_bytes;
  measured_ = info.measured != 0;
  measure_ms_ = info.measure_ms;
  if (tuning && saved.empty() && !(flags & DSK_TP_NO_MEASURE)) {
    std::size_t len = 0;
    const char* choices = api.gemm_choices(handle_, &len);
    if (len > 0) tuning->put(key, std::string(choices, len));
  }
}

Product::Product(Product&& other) noexcept {
  *this = std::move(other);
}

Product& Product::operator=(Product&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(scales_, other.scales_);
  std::swap(scale_rows_, other.scale_rows_);
  std::swap(bias_, other.bias_);
  std::swap(handle_, other.handle_);
  n_ = other.n_;
  k_ = other.k_;
  workspace_bytes_ = other.workspace_bytes_;
  measured_ = other.measured_;
  measure_ms_ = other.measure_ms_;
  return *this;
}

Product::~Product() {
  if (handle_) device_->api().gemm_destroy(handle_);
}

std::uint64_t Product::weight_bytes() const {
  return data_.bytes() + scales_.bytes() + scale_rows_.bytes() + bias_.bytes();
}

void Product::enqueue(std::uint64_t m, const void* x, void* y, void* workspace,
                      void* stream) const {
  dsk_backend_error error{};
  const dsk_status status =
      device_->api().gemm_enqueue(handle_, m, x, y, workspace, stream, &error);
  if (status != DSK_STATUS_OK) dsk::backend::check(status, error, "");
}

/* ----------------------------------------------------------------------- plan */

std::shared_ptr<Plan> Plan::linear(std::shared_ptr<Comm> comm, const dsk_tp_linear_desc& desc,
                                   Tuning* tuning) {
  const auto start = Clock::now();
  const bool column = desc.split == DSK_TP_SPLIT_COLUMN;
  if (desc.split != DSK_TP_SPLIT_REPLICATED && !column && desc.split != DSK_TP_SPLIT_ROW)
    invalid_argument("desc.split is " + std::to_string(desc.split) +
                     "; allowed are 0 (replicated), 1 (column) and 2 (row)");
  check_common(*comm, desc.activation_dtype, desc.max_m, desc.flags,
               shared_flags | (column ? DSK_TP_GATHER_OUTPUT : reduce_flags));
  if (column && desc.gamma)
    invalid_argument("desc.gamma needs a replicated or row split: a norm runs over the whole row");
  const bool heads = desc.q_heads != 0;
  if (heads && (!column || (desc.flags & DSK_TP_GATHER_OUTPUT)))
    invalid_argument("desc.q_heads needs a column split without DSK_TP_GATHER_OUTPUT");
  if (desc.weight_count != 1 && !(heads && desc.weight_count == 3))
    invalid_argument("desc.weight_count is " + std::to_string(desc.weight_count) +
                     (heads ? "; allowed are 1 and 3" : "; allowed is 1"));
  if (!desc.weights) invalid_argument("desc.weights is NULL");

  std::vector<Weight> weights;
  constexpr const char* names[] = {"desc.weights[0]", "desc.weights[1]", "desc.weights[2]"};
  for (std::uint32_t i = 0; i < desc.weight_count; ++i)
    weights.push_back(read_weight(desc.weights + i, names[i], desc.activation_dtype));
  for (const Weight& weight : weights)
    if (weight.dtype != weights[0].dtype || weight.k != weights[0].k)
      invalid_argument("the three weights of a fused QKV must have the same dtype and k");

  std::shared_ptr<Plan> plan(new Plan(comm));
  const std::uint32_t world = comm->world(), rank = comm->rank();
  const std::uint64_t k = weights[0].k;
  plan->dtype_ = desc.activation_dtype;
  plan->max_m_ = desc.max_m;
  Range columns{0, k};
  std::vector<Rows> pieces;
  if (heads) {
    if (desc.head_dim == 0) invalid_argument("desc.head_dim is 0");
    const HeadSplit split_of = split_heads(desc.q_heads, desc.kv_heads, world, rank);
    const std::uint64_t dim = desc.head_dim, q_rows = desc.q_heads * dim,
                        kv_rows = desc.kv_heads * dim;
    const bool fused = weights.size() == 1;
    const std::uint64_t expected[] = {fused ? q_rows + 2 * kv_rows : q_rows, kv_rows, kv_rows};
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (weights[i].n != expected[i])
        invalid_argument(std::string(names[i]) + ".n is " + std::to_string(weights[i].n) +
                         "; the heads need " + std::to_string(expected[i]));
    const auto rows = [&](const Range& range, std::uint64_t offset) {
      return Range{offset + range.begin * dim, offset + range.end * dim};
    };
    pieces = {{&weights[0], rows(split_of.query, 0)},
              {fused ? &weights[0] : &weights[1], rows(split_of.key_value, fused ? q_rows : 0)},
              {fused ? &weights[0] : &weights[2],
               rows(split_of.key_value, fused ? q_rows + kv_rows : 0)}};
  } else if (column) {
    const std::uint64_t unit = output_unit(weights[0].n, world);
    pieces = {{&weights[0], split(weights[0].n, world, rank, unit)}};
    if ((desc.flags & DSK_TP_GATHER_OUTPUT) && world > 1) {
      for (std::uint32_t r = 0; r < world; ++r) {
        const Range part = split(weights[0].n, world, r, unit);
        plan->column_offsets_.push_back(part.begin);
        plan->widest_ = std::max(plan->widest_, part.size());
      }
      plan->column_offsets_.push_back(weights[0].n);
      plan->collective_ = Collective::gather;
    }
  } else {
    if (desc.split == DSK_TP_SPLIT_ROW)
      columns = split(k, world, rank, input_unit(desc.activation_dtype, weights[0].dtype));
    pieces = {{&weights[0], {0, weights[0].n}}};
  }
  plan->n_offset_ = pieces[0].rows.begin;
  plan->k_offset_ = columns.begin;
  plan->input_columns_ = columns.size();

  Shard shard = take(pieces, columns, desc.activation_dtype);
  plan->output_columns_ = plan->collective_ == Collective::gather ? weights[0].n : shard.n;
  plan->product_dtype_ = desc.activation_dtype;
  if (!column) {
    // The bias joins after the sum, once; alone on one rank it can join in the product.
    const bool reduced = desc.split == DSK_TP_SPLIT_ROW && world > 1;
    plan->set_epilogue(desc.flags, desc.gamma, desc.norm_eps, shard.n,
                       reduced || desc.gamma || (desc.flags & DSK_TP_RESIDUAL) ? weights[0].bias
                                                                               : nullptr);
    if (plan->bias_.get()) shard.bias.clear();
    plan->choose_reduce(reduced, desc.flags);
  }
  plan->products_.emplace_back(comm->device(), shard, desc.activation_dtype, plan->product_dtype_,
                               desc.max_m, desc.flags, tuning);
  plan->lay_out();
  plan->create_ms_ = ms_since(start);
  return plan;
}

std::shared_ptr<Plan> Plan::mlp(std::shared_ptr<Comm> comm, const dsk_tp_mlp_desc& desc,
                                Tuning* tuning) {
  const auto start = Clock::now();
  check_common(*comm, desc.activation_dtype, desc.max_m, desc.flags, shared_flags | reduce_flags);
  if (desc.activation != DSK_TP_ACTIVATION_SILU && desc.activation != DSK_TP_ACTIVATION_GELU &&
      desc.activation != DSK_TP_ACTIVATION_GELU_TANH)
    invalid_argument("desc.activation is " + std::to_string(desc.activation) +
                     "; allowed are 0 (SiLU), 1 (GELU) and 2 (GELU tanh)");
  const Weight gate = read_weight(desc.gate, "desc.gate", desc.activation_dtype);
  const Weight up = read_weight(desc.up, "desc.up", desc.activation_dtype);
  const Weight down = read_weight(desc.down, "desc.down", desc.activation_dtype);
  if (up.n != gate.n || up.k != gate.k || up.dtype != gate.dtype)
    invalid_argument("desc.up is " + std::to_string(up.n) + " x " + std::to_string(up.k) + " " +
                     name_of(up.dtype) + "; it must be as desc.gate, " + std::to_string(gate.n) +
                     " x " + std::to_string(gate.k) + " " + name_of(gate.dtype));
  if (down.k != gate.n)
    invalid_argument("desc.down.k is " + std::to_string(down.k) + "; it must be desc.gate.n, " +
                     std::to_string(gate.n));
  const std::uint32_t world = comm->world(), rank = comm->rank();
  const std::uint64_t unit = std::max(input_unit(desc.activation_dtype, down.dtype),
                                      input_unit(desc.activation_dtype, gate.dtype));
  const Range inner = split(gate.n, world, rank, unit);

  std::shared_ptr<Plan> plan(new Plan(comm));
  plan->dtype_ = desc.activation_dtype;
  plan->max_m_ = desc.max_m;
  plan->activation_ = static_cast<dsk_backend_activation>(desc.activation);
  plan->input_columns_ = gate.k;
  plan->output_columns_ = down.n;
  plan->k_offset_ = inner.begin;
  const bool reduced = world > 1;
  plan->set_epilogue(desc.flags, desc.gamma, desc.norm_eps, down.n,
                     reduced || desc.gamma || (desc.flags & DSK_TP_RESIDUAL) ? down.bias : nullptr);
  plan->product_dtype_ = desc.activation_dtype;
  plan->choose_reduce(reduced, desc.flags);
  plan->products_.emplace_back(
      comm->device(), take({{&gate, inner}, {&up, inner}}, {0, gate.k}, desc.activation_dtype),
      desc.activation_dtype, desc.activation_dtype, desc.max_m, desc.flags, tuning);
  Shard down_shard = take({{&down, {0, down.n}}}, inner, desc.activation_dtype);
  if (plan->bias_.get()) down_shard.bias.clear();
  plan->products_.emplace_back(comm->device(), down_shard, desc.activation_dtype,
                               plan->product_dtype_, desc.max_m, desc.flags, tuning);
  plan->lay_out();
  plan->create_ms_ = ms_since(start);
  return plan;
}

void Plan::set_epilogue(std::uint32_t flags, const void* gamma, float eps, std::uint64_t n,
                        const std::byte* bias) {
  const std::uint64_t bytes = row_bytes(n, dtype_);
  if (!(eps >= 0.0f) || !std::isfinite(eps))
    invalid_argument("desc.norm_eps must be 0 (the default) or a positive number");
  if (bias) bias_ = Memory(comm_->device(), bias, bytes);
  if (gamma) gamma_ = Memory(comm_->device(), gamma, bytes);
  residual_ = flags & DSK_TP_RESIDUAL;
  epilogue_ = bias || gamma || residual_;
  epilogue_desc_.struct_size = sizeof epilogue_desc_;
  epilogue_desc_.activation_dtype = dtype_;
  epilogue_desc_.eps = eps > 0.0f ? eps : 1e-6f;
  epilogue_desc_.n = n;
  epilogue_desc_.bias = bias_.get();
  epilogue_desc_.gamma = gamma_.get();
}

void Plan::choose_reduce(bool reduced, std::uint32_t flags) {
  if (reduced) {
    collective_ = Collective::reduce;
    gather_and_sum_ =
        (flags & DSK_TP_BATCH_INVARIANT) && std::string_view(comm_->transport()) == "nccl";
  }
  // Without a wire the partial sum keeps single precision up to the epilogue at no cost.
  if (dtype_ != DSK_DTYPE_F32 && ((flags & DSK_TP_REDUCE_F32) || (!reduced && epilogue_))) {
    product_dtype_ = DSK_DTYPE_F32;
    epilogue_ = epilogue_ || reduced || (flags & DSK_TP_REDUCE_F32);
  }
  epilogue_desc_.input_dtype = product_dtype_;
}

void Plan::lay_out() {
  std::uint64_t end = 0;
  const auto place = [&](std::uint64_t& offset, std::uint64_t bytes) {
    offset = end;
    end += aligned(bytes);
  };
  const bool two = products_.size() == 2;
  if (two) {
    place(gate_up_at_, max_m_ * row_bytes(products_[0].n(), dtype_));
    place(h_at_, max_m_ * row_bytes(products_[1].k(), dtype_));
  }
  const std::uint64_t width = std::max(widest_, products_.back().n());
  if (epilogue_ || collective_ != Collective::none)
    place(partial_at_, max_m_ * row_bytes(width, product_dtype_));
  if (collective_ == Collective::gather || gather_and_sum_)
    place(gathered_at_, comm_->world() * max_m_ * row_bytes(width, product_dtype_));
  std::uint64_t product = 0;
  for (const Product& p : products_)
    product = std::max(product, p.workspace_bytes());
  place(product_at_, product);
  workspace_bytes_ = end;
}

dsk_tp_plan_info Plan::info() const {
  dsk_tp_plan_info out{};
  out.n = products_.back().n();
  out.k = products_.back().k();
  out.n_offset = n_offset_;
  out.k_offset = k_offset_;
  out.input_columns = input_columns_;
  out.output_columns = output_columns_;
  out.workspace_bytes = workspace_bytes_;
  out.create_ms = create_ms_;
  for (const Product& p : products_) {
    out.weight_bytes += p.weight_bytes();
    out.measured += p.measured() ? 1 : 0;
    out.measure_ms += p.measure_ms();
  }
  out.weight_bytes += bias_.bytes() + gamma_.bytes();
  return out;
}

void Plan::check(const dsk_tp_args& args, void* stream) const {
  if (args.m > max_m_)
    invalid_argument("args.m is " + std::to_string(args.m) + "; this plan was made for at most " +
                     std::to_string(max_m_));
  if (stream && comm_->device()->is_cpu())
    invalid_argument("stream must be NULL on the CPU backend");
  if (args.m == 0) return;
  const std::uint64_t in = args.m * row_bytes(input_columns_, dtype_),
                      out = args.m * row_bytes(output_columns_, dtype_);
  const Span spans[] = {{"args.x", args.x, in},
                        {"args.y", args.y, out},
                        {"args.residual", args.residual, out},
                        {"args.residual_out", args.residual_out, out},
                        {"args.workspace", args.workspace, workspace_bytes_}};
  const bool needed[] = {true, true, residual_, residual_, workspace_bytes_ > 0};
  for (std::size_t i = 0; i < 5; ++i) {
    if (needed[i] && !spans[i].begin) invalid_argument(std::string(spans[i].name) + " is NULL");
    if (!needed[i] && spans[i].begin && i != 4)
      invalid_argument(std::string(spans[i].name) +
                       " is given, but the plan was made without DSK_TP_RESIDUAL");
    if (reinterpret_cast<std::uintptr_t>(spans[i].begin) % 16 != 0)
      invalid_argument(std::string(spans[i].name) + " is not aligned to 16 bytes");
  }
  if (args.workspace_bytes < workspace_bytes_)
    invalid_argument("args.workspace_bytes is " + std::to_string(args.workspace_bytes) +
                     "; this plan needs " + std::to_string(workspace_bytes_));
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = i + 1; j < 5; ++j) {
      const bool both_read = i == 0 && j == 2; // x and residual
      const bool in_place =
          i == 2 && j == 3 && spans[i].begin == spans[j].begin; // the residual in place
      if (!both_read && !in_place && overlap(spans[i], spans[j]))
        invalid_argument(std::string(spans[i].name) + " and " + spans[j].name + " overlap");
    }
}

std::byte* Plan::at(const dsk_tp_args& args, std::uint64_t offset) const {
  return static_cast<std::byte*>(args.workspace) + offset;
}

/// Where the last product writes: y itself when nothing follows.
void* Plan::product_output(const dsk_tp_args& args) const {
  return epilogue_ || collective_ != Collective::none ? at(args, partial_at_) : args.y;
}

void Plan::before(const dsk_tp_args& args, void* stream) const {
  void* scratch = args.workspace ? at(args, product_at_) : nullptr;
  if (products_.size() == 1) {
    products_[0].enqueue(args.m, args.x, product_output(args), scratch, stream);
    return;
  }
  products_[0].enqueue(args.m, args.x, at(args, gate_up_at_), scratch, stream);
  const Device& device = *comm_->device();
  dsk_backend_error error{};
  const dsk_status status =
      device.api().activate(device.handle(), dtype_, activation_, args.m, products_[1].k(),
                            at(args, gate_up_at_), at(args, h_at_), stream, &error);
  if (status != DSK_STATUS_OK) dsk::backend::check(status, error, "");
  products_[1].enqueue(args.m, at(args, h_at_), product_output(args), scratch, stream);
}

dsk_backend_collective Plan::collective_call(const dsk_tp_args& args, void* stream) const {
  dsk_backend_collective call{};
  call.comm = comm_->handle();
  call.dtype = product_dtype_;
  call.in = at(args, partial_at_);
  call.stream = stream;
  if (collective_ == Collective::gather) {
    call.count = args.m * widest_;
    call.out = at(args, gathered_at_);
  } else {
    call.count = args.m * output_columns_;
    call.out = gather_and_sum_ ? at(args, gathered_at_)
               : epilogue_     ? at(args, partial_at_)
                               : args.y;
  }
  return call;
}

void Plan::after(const dsk_tp_args& args, void* stream) const {
  const Device& device = *comm_->device();
  const dsk_backend_api& api = device.api();
  dsk_backend_error error{};
  dsk_status status = DSK_STATUS_OK;
  if (collective_ == Collective::gather)
    status = api.unpack_columns(device.handle(), dtype_, comm_->world(), column_offsets_.data(),
                                args.m, at(args, gathered_at_), args.y, stream, &error);
  if (gather_and_sum_)
    status = api.sum_ranks(device.handle(), product_dtype_, comm_->world(),
                           args.m * output_columns_, at(args, gathered_at_),
                           epilogue_ ? at(args, partial_at_) : args.y, stream, &error);
  if (status == DSK_STATUS_OK && epilogue_)
    status = api.epilogue(device.handle(), &epilogue_desc_, args.m, at(args, partial_at_),
                          args.residual, args.residual_out, args.y, stream, &error);
  if (status != DSK_STATUS_OK) dsk::backend::check(status, error, "");
}

std::string Plan::signature(const dsk_tp_args& args) const {
  constexpr const char* kinds[] = {"no collective", "an all-reduce", "an all-gather"};
  return std::string(kinds[static_cast<int>(collective_)]) + " of " + std::to_string(args.m) +
         " x " + std::to_string(output_columns_) + " " + name_of(product_dtype_);
}

} // namespace dsk::tp
