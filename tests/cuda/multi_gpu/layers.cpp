#include "layers.hpp"

#include <algorithm>
#include <utility>

namespace multi {

using layer::Bytes;

Memory::Memory(dsk_tp_device* device, std::uint64_t bytes) : device_(device), bytes_(bytes) {
  dsk_error* error = nullptr;
  need(dsk_tp_device_memory_create(device, std::max<std::uint64_t>(bytes, 16), &pointer_, &error),
       error);
}
Memory::Memory(dsk_tp_device* device, const Bytes& bytes) : Memory(device, bytes.size()) {
  write(bytes);
}
Memory::Memory(Memory&& other) noexcept
    : device_(other.device_), bytes_(other.bytes_),
      pointer_(std::exchange(other.pointer_, nullptr)) {}
Memory::~Memory() {
  dsk_tp_device_memory_destroy(device_, pointer_);
}
void Memory::write(const Bytes& bytes) {
  dsk_error* error = nullptr;
  need(dsk_tp_device_memory_set(device_, pointer_, bytes.data(), bytes.size(), &error), error);
}
Bytes Memory::read() const {
  Bytes out(bytes_);
  dsk_error* error = nullptr;
  need(dsk_tp_device_memory_set(device_, out.data(), pointer_, bytes_, &error), error);
  return out;
}

Stream::Stream(dsk_tp_device* device) : device_(device) {
  dsk_error* error = nullptr;
  need(dsk_tp_stream_create(device, &stream_, &error), error);
}
Stream::Stream(Stream&& other) noexcept
    : device_(other.device_), stream_(std::exchange(other.stream_, nullptr)) {}
Stream::~Stream() {
  if (stream_) dsk_tp_stream_destroy(device_, stream_);
}

Local::Local(const Options& options, std::uint32_t world, dsk_tp_transport transport,
             std::uint64_t timeout_ms, std::uint32_t first) {
  std::vector<dsk_tp_device*> raw;
  for (std::uint32_t r = 0; r < world; ++r) {
    devices.push_back(open_device(options, first + r));
    raw.push_back(devices.back().get());
  }
  dsk_tp_comm_options wanted = DSK_TP_COMM_OPTIONS_INIT;
  wanted.transport = options.backend == "cpu" ? DSK_TP_TRANSPORT_AUTO : transport;
  wanted.timeout_ms = timeout_ms;
  std::vector<dsk_tp_comm*> made(world);
  dsk_error* error = nullptr;
  need(dsk_tp_comm_create_local(raw.data(), world, &wanted, made.data(), &error), error);
  for (dsk_tp_comm* comm : made)
    comms.emplace_back(comm);
}
Team Local::team(const Driver& driver) const {
  Team team;
  for (const std::uint32_t r : driver.ranks) {
    team.devices.push_back(devices[r].get());
    team.comms.push_back(comms[r].get());
  }
  return team;
}

namespace {

dsk_tp_comm_info info_of(dsk_tp_comm* comm) {
  dsk_tp_comm_info info = DSK_TP_COMM_INFO_INIT;
  dsk_error* error = nullptr;
  need(dsk_tp_comm_get_info(comm, &info, &error), error);
  return info;
}

} // namespace

std::string transport_of(dsk_tp_comm* comm) {
  return info_of(comm).transport;
}

Step::Step(dsk_tp_comm* comm, const dsk_tp_linear_desc& desc) {
  dsk_tp_linear* raw = nullptr;
  dsk_error* error = nullptr;
  need(dsk_tp_linear_create(comm, &desc, &raw, &error), error);
  linear.reset(raw);
  need(dsk_tp_linear_get_info(raw, &info, &error), error);
}
Step::Step(dsk_tp_comm* comm, const dsk_tp_mlp_desc& desc) {
  dsk_tp_mlp* raw = nullptr;
  dsk_error* error = nullptr;
  need(dsk_tp_mlp_create(comm, &desc, &raw, &error), error);
  mlp.reset(raw);
  need(dsk_tp_mlp_get_info(raw, &info, &error), error);
}
void Step::enqueue(const dsk_tp_args& args, void* stream) const {
  dsk_error* error = nullptr;
  need(linear ? dsk_tp_linear_enqueue(linear.get(), &args, stream, &error)
              : dsk_tp_mlp_enqueue(mlp.get(), &args, stream, &error),
       error);
}
void Step::add_to(dsk_tp_graph* graph, const dsk_tp_args& args) const {
  dsk_error* error = nullptr;
  need(linear ? dsk_tp_graph_add_linear(graph, linear.get(), &args, nullptr, &error)
              : dsk_tp_graph_add_mlp(graph, mlp.get(), &args, nullptr, &error),
       error);
}

dsk_tp_args args_of(std::uint64_t m, const void* x, void* y, const Memory& workspace) {
  dsk_tp_args args = DSK_TP_ARGS_INIT;
  args.m = m;
  args.x = x;
  args.y = y;
  args.workspace = workspace.get();
  args.workspace_bytes = workspace.bytes();
  return args;
}

void together(const Team& team, const std::function<void(std::size_t)>& enqueue) {
  dsk_error* error = nullptr;
  dsk_tp_group* group = nullptr;
  const auto count = static_cast<std::uint32_t>(team.size());
  if (count > 1) need(dsk_tp_group_begin(team.comms.data(), count, &group, &error), error);
  try {
    for (std::size_t i = 0; i < team.size(); ++i)
      enqueue(i);
  } catch (...) {
    // Ends the group; what went wrong in it is known already.
    const dsk_status ended = group ? dsk_tp_group_end(group, nullptr) : DSK_STATUS_OK;
    static_cast<void>(ended);
    throw;
  }
  if (group) need(dsk_tp_group_end(group, &error), error);
}
layer::Owned<dsk_tp_graph> new_graph(const Team& team) {
  dsk_tp_graph* raw = nullptr;
  dsk_error* error = nullptr;
  need(
      dsk_tp_graph_create(team.comms.data(), static_cast<std::uint32_t>(team.size()), &raw, &error),
      error);
  return layer::Owned<dsk_tp_graph>(raw);
}
void capture(dsk_tp_graph* graph) {
  dsk_error* error = nullptr;
  need(dsk_tp_graph_capture(graph, &error), error);
}
void replay(dsk_tp_graph* graph, void* stream) {
  dsk_error* error = nullptr;
  need(dsk_tp_graph_replay(graph, stream, &error), error);
}
void wait(dsk_tp_comm* comm, void* stream) {
  dsk_error* error = nullptr;
  need(dsk_tp_comm_wait(comm, stream, &error), error);
}

/* -------------------------------------------------------------------- problem */

const char* name_of(Kind kind) {
  constexpr const char* names[] = {"column", "column, gathered", "row", "row, residual and norm",
                                   "mlp"};
  return names[static_cast<int>(kind)];
}

Problem::Problem(Kind kind_, dsk_dtype format_, std::uint64_t m_, std::uint64_t n_,
                 std::uint64_t k_, std::uint32_t seed)
    : kind(kind_), format(format_),
      dtype(format_ == DSK_DTYPE_F32 || format_ == DSK_DTYPE_F16 ? format_ : DSK_DTYPE_BF16), m(m_),
      n(n_), k(k_) {
  layer::Rng rng(seed);
  if (kind == Kind::mlp) {
    for (int i = 0; i < 2; ++i)
      weights_.emplace_back(rng, format, dtype, k, n, false);
    weights_.emplace_back(rng, format, dtype, n, k, false);
  } else {
    weights_.emplace_back(rng, format, dtype, n, k, true);
  }
  x_ = layer::random_tensor(rng, dtype, m * (kind == Kind::mlp ? n : k));
  if (kind == Kind::row_norm) {
    gamma_ = layer::random_tensor(rng, dtype, n);
    residual_ = layer::random_tensor(rng, dtype, m * n);
  }
  Options host;
  host.backend = "cpu";
  const Local alone(host, 1, DSK_TP_TRANSPORT_AUTO, 1000);
  dsk_tp_device* device = alone.devices[0].get();
  const Step step = plan(alone.comms[0].get(), DSK_TP_REFERENCE);
  const Memory x(device, x_), y(device, m * n * layer::size_of(dtype)),
      space(device, step.info.workspace_bytes), out(device, y.bytes());
  dsk_tp_args args = args_of(m, x.get(), y.get(), space);
  const Memory residual(device, residual_);
  if (kind == Kind::row_norm) {
    args.residual = residual.get();
    args.residual_out = out.get();
  }
  step.enqueue(args, nullptr);
  const Bytes bytes = y.read();
  for (std::uint64_t i = 0; i < m * n; ++i)
    reference_.push_back(layer::read(bytes.data(), dtype, i));
  for (layer::Weight& weight : weights_) // only the checkpoint form is needed from here
    std::vector<double>().swap(weight.value);
}

std::string Problem::text() const {
  constexpr const char* formats[] = {"", "f32", "bf16", "f16", "fp8", "int8", "int4"};
  return std::string(name_of(kind)) + " " + formats[format] + " m " + std::to_string(m) + " n " +
         std::to_string(n) + " k " + std::to_string(k);
}

Step Problem::plan(dsk_tp_comm* comm, std::uint32_t flags) const {
  const dsk_tp_weight first = weights_[0].describe();
  if (kind == Kind::mlp) {
    const dsk_tp_weight up = weights_[1].describe(), down = weights_[2].describe();
    dsk_tp_mlp_desc desc = DSK_TP_MLP_DESC_INIT;
    desc.flags = flags;
    desc.activation_dtype = dtype;
    desc.max_m = m;
    desc.gate = &first;
    desc.up = &up;
    desc.down = &down;
    return Step(comm, desc);
  }
  dsk_tp_linear_desc desc = DSK_TP_LINEAR_DESC_INIT;
  desc.flags = flags | (kind == Kind::gather     ? DSK_TP_GATHER_OUTPUT
                        : kind == Kind::row_norm ? DSK_TP_RESIDUAL
                                                 : 0);
  desc.split = kind == Kind::row || kind == Kind::row_norm ? DSK_TP_SPLIT_ROW : DSK_TP_SPLIT_COLUMN;
  desc.activation_dtype = dtype;
  desc.max_m = m;
  desc.gamma = gamma_.empty() ? nullptr : gamma_.data();
  desc.weights = &first;
  desc.weight_count = 1;
  return Step(comm, desc);
}

Bytes Problem::input(const dsk_tp_plan_info& info) const {
  if (kind == Kind::column || kind == Kind::gather || kind == Kind::mlp) return x_;
  const std::uint64_t width = layer::size_of(dtype), part = info.input_columns * width;
  Bytes out(m * part);
  for (std::uint64_t row = 0; row < m; ++row)
    std::memcpy(out.data() + row * part, x_.data() + (row * k + info.k_offset) * width, part);
  return out;
}

double Problem::share_of(const std::vector<double>& y, const dsk_tp_plan_info& info,
                         std::uint32_t world) const {
  const std::uint64_t columns = info.output_columns,
                      offset = kind == Kind::column ? info.n_offset : 0;
  double square = 0;
  for (const double value : reference_)
    square += value * value;
  const double rms = std::sqrt(square / static_cast<double>(reference_.size()));
  double worst = 0, difference = 0, norm = 0;
  for (std::uint64_t row = 0; row < m; ++row)
    for (std::uint64_t c = 0; c < columns; ++c) {
      const double got = y[row * columns + c], want = reference_[row * n + offset + c];
      if (!std::isfinite(got)) return HUGE_VAL;
      difference += (got - want) * (got - want);
      norm += want * want;
      // Half a unit of every rank's partial sum (at most about four times the usual size), one of
      // the sum, and the order of single-precision sums.
      const double allowed = layer::ulp(dtype, want) +
                             (1 + world / 2.0) * layer::ulp(dtype, 4 * rms) +
                             static_cast<double>(k) * 0x1p-23 * rms;
      worst = std::max(worst, std::fabs(got - want) / allowed);
    }
  if (kind != Kind::mlp) return worst;
  // The inner vector is rounded once more on each side; FP8 may fall on the next code.
  const double allowed = format == DSK_DTYPE_F32 ? 1e-5 : format == DSK_DTYPE_F8E4M3 ? 1e-2 : 8e-3;
  return std::sqrt(difference / norm) / allowed;
}

double Problem::deviation(const Bytes& y, const dsk_tp_plan_info& info, std::uint32_t world) const {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < m * info.output_columns; ++i)
    values.push_back(layer::read(y.data(), dtype, i));
  const double share = share_of(values, info, world);
  std::rotate(values.begin(), values.begin() + 1, values.end());
  return share_of(values, info, world) > 1 ? share : HUGE_VAL;
}

double run_problem(const Problem& problem, const Team& team, bool same_bits,
                   const std::function<void()>& meet) {
  std::vector<Step> steps;
  std::vector<Memory> xs, ys, spaces, outs, residuals;
  std::vector<Stream> streams;
  const bool residual = problem.kind == Kind::row_norm;
  for (std::size_t i = 0; i < team.size(); ++i) {
    steps.push_back(problem.plan(team.comms[i], DSK_TP_NO_MEASURE));
    const dsk_tp_plan_info& info = steps[i].info;
    xs.emplace_back(team.devices[i], problem.input(info));
    ys.emplace_back(team.devices[i],
                    problem.m * info.output_columns * layer::size_of(problem.dtype));
    ys[i].poison();
    spaces.emplace_back(team.devices[i], info.workspace_bytes);
    residuals.emplace_back(team.devices[i], problem.residual());
    outs.emplace_back(team.devices[i], residual ? ys[i].bytes() : 0);
    streams.emplace_back(team.devices[i]);
  }
  const auto args = [&](std::size_t i) {
    dsk_tp_args out = args_of(problem.m, xs[i].get(), ys[i].get(), spaces[i]);
    if (residual) {
      out.residual = residuals[i].get();
      out.residual_out = outs[i].get();
    }
    return out;
  };
  const auto graph = new_graph(team);
  for (std::size_t i = 0; i < team.size(); ++i)
    steps[i].add_to(graph.get(), args(i));
  capture(graph.get());
  meet(); // nothing is allocated on any device while others wait for it
  together(team, [&](std::size_t i) { steps[i].enqueue(args(i), streams[i].get()); });
  double worst = 0;
  std::vector<Bytes> eager;
  for (std::size_t i = 0; i < team.size(); ++i) {
    wait(team.comms[i], streams[i].get());
    eager.push_back(ys[i].read());
    worst =
        std::max(worst, problem.deviation(eager[i], steps[i].info, info_of(team.comms[i]).world));
    ys[i].poison();
  }
  for (int turn = 0; turn < 3; ++turn)
    replay(graph.get(), streams[0].get());
  for (std::size_t i = 0; i < team.size(); ++i)
    wait(team.comms[i], streams[0].get());
  for (std::size_t i = 0; i < team.size(); ++i) {
    const Bytes again = ys[i].read();
    worst = std::max(worst, problem.deviation(again, steps[i].info, info_of(team.comms[i]).world));
    if (same_bits && again != eager[i]) worst = HUGE_VAL;
  }
  meet();
  return worst;
}

} // namespace multi
