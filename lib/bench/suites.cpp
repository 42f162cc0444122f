#include "bench/suites.hpp"

#include <algorithm>

namespace dsk::bench {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

dsk_backend_bench_desc desc_of(dsk_backend_bench_kind kind, std::uint32_t flags = 0) {
  dsk_backend_bench_desc d{};
  d.struct_size = sizeof d;
  d.kind = kind;
  d.flags = flags;
  d.peer = -1;
  return d;
}

std::string flag_names(std::uint32_t flags) {
  std::string out;
  const auto add = [&](std::uint32_t bit, const char* name) {
    if (flags & bit) out += std::string("/") + name;
  };
  add(DSK_BACKEND_BENCH_PINNED, "pinned");
  add(DSK_BACKEND_BENCH_BOTH_WAYS, "both_ways");
  add(DSK_BACKEND_BENCH_PDL, "pdl");
  add(DSK_BACKEND_BENCH_GRAPH, "graph");
  add(DSK_BACKEND_BENCH_WARM, "warm");
  add(DSK_BACKEND_BENCH_ZEROS, "zeros");
  add(DSK_BACKEND_BENCH_OWN, "own");
  return out;
}

std::string id_of(const dsk_backend_bench_desc& d) {
  std::string id = std::string("device/") + bench_kind_name(d.kind);
  if (d.kind == DSK_BACKEND_BENCH_GEMM || d.kind == DSK_BACKEND_BENCH_GEMM_SPARSE)
    id += std::string("/") + dtype_name(d.dtype) + "/" + std::to_string(d.m) + "x" +
          std::to_string(d.n) + "x" + std::to_string(d.k);
  if (d.bytes) id += "/" + std::to_string(d.bytes);
  if (d.count) id += "/x" + std::to_string(d.count);
  if (d.peer >= 0) id += "/to" + std::to_string(d.peer);
  return id + flag_names(d.flags);
}

DeviceProbe probe_of(const dsk_backend_bench_desc& d) {
  return {id_of(d), d};
}

void add_bytes(Suite& suite, dsk_backend_bench_kind kind, std::uint64_t bytes,
               std::uint32_t flags = 0) {
  dsk_backend_bench_desc d = desc_of(kind, flags);
  d.bytes = bytes;
  suite.device.push_back(probe_of(d));
}

dsk_backend_bench_desc gemm(dsk_dtype dtype, std::uint64_t m, std::uint64_t n, std::uint64_t k,
                            std::uint32_t flags = DSK_BACKEND_BENCH_GRAPH) {
  dsk_backend_bench_desc d = desc_of(DSK_BACKEND_BENCH_GEMM, flags);
  d.dtype = dtype;
  d.m = m;
  d.n = n;
  d.k = k;
  return d;
}

dsk_backend_bench_desc kernels(dsk_backend_bench_kind kind, std::uint32_t count,
                               std::uint32_t flags = 0) {
  dsk_backend_bench_desc d = desc_of(kind, flags);
  d.count = count;
  return d;
}

constexpr std::pair<HostMemoryKind, const char*> memory_kinds[] = {
    {HostMemoryKind::read, "read"},
    {HostMemoryKind::write, "write"},
    {HostMemoryKind::copy, "copy"},
    {HostMemoryKind::triad, "triad"}};

void add_host_memory(Suite& suite, int threads) {
  for (const auto& [kind, name] : memory_kinds)
    suite.host.push_back(
        {std::string("host/memory_") + name + "/threads" + std::to_string(threads), kind, threads});
}

void add_disk(Suite& suite, int threads) {
  suite.disk.push_back({"host/disk_read/sequential/4194304", 4 * mib, false, threads});
  suite.disk.push_back({"host/disk_read/random/131072", mib / 8, true, threads});
}

// Beyond any L2 and small enough for every card that is planned with.
std::uint64_t stream_bytes(const SuiteInput& input) {
  const std::uint64_t wanted = std::max<std::uint64_t>(1024 * mib, 16 * input.l2_bytes);
  return input.device_memory_bytes ? std::min(wanted, input.device_memory_bytes / 8) / mib * mib
                                   : wanted;
}

void add_device_streams(Suite& suite, const SuiteInput& input) {
  const std::uint64_t bytes = stream_bytes(input);
  for (const auto kind : {DSK_BACKEND_BENCH_READ, DSK_BACKEND_BENCH_WRITE, DSK_BACKEND_BENCH_COPY,
                          DSK_BACKEND_BENCH_TRIAD, DSK_BACKEND_BENCH_DEVICE_COPY})
    add_bytes(suite, kind, bytes);
  const std::uint64_t l2 = input.l2_bytes ? input.l2_bytes : 32 * mib;
  add_bytes(suite, DSK_BACKEND_BENCH_L2_READ, std::max(mib, l2 / 4 / mib * mib));
}

void add_host_links(Suite& suite) {
  for (const std::uint32_t flags : {0u, DSK_BACKEND_BENCH_PINNED})
    for (const auto kind : {DSK_BACKEND_BENCH_FROM_HOST, DSK_BACKEND_BENCH_TO_HOST})
      add_bytes(suite, kind, 256 * mib, flags);
}

void add_launches(Suite& suite) {
  for (const std::uint32_t flags : {0u, DSK_BACKEND_BENCH_PDL, DSK_BACKEND_BENCH_GRAPH,
                                    DSK_BACKEND_BENCH_GRAPH | DSK_BACKEND_BENCH_PDL})
    suite.device.push_back(probe_of(kernels(DSK_BACKEND_BENCH_KERNELS, 64, flags)));
  suite.device.push_back(probe_of(kernels(DSK_BACKEND_BENCH_GRAPH_BUILD, 64)));
}

// Shapes that pin down the three numbers of the law (fixed time, memory share, compute share) and
// are no model's own, so that a model's layers are predicted, not looked up.
struct Shape {
  std::uint64_t m, n, k;
};
constexpr Shape quick_shapes[] = {{1, 1024, 1024},   {1, 2048, 4096},    {1, 8192, 2048},
                                  {1, 3072, 6144},   {1, 8192, 8192},    {1, 16384, 6144},
                                  {16, 2048, 4096},  {16, 8192, 8192},   {64, 3072, 6144},
                                  {64, 16384, 6144}, {4096, 4096, 4096}, {8192, 8192, 8192}};

void add_gemms(Suite& suite, dsk_dtype dtype, bool full) {
  for (const Shape& s : quick_shapes)
    suite.device.push_back(probe_of(gemm(dtype, s.m, s.n, s.k)));
  if (!full) return;
  for (const std::uint64_t m : {1u, 4u, 16u, 64u, 256u, 1024u})
    for (const std::uint64_t n : {768u, 1536u, 3072u, 6144u, 12288u, 24576u})
      for (const std::uint64_t k : {1024u, 3072u, 6144u, 12288u}) {
        const DeviceProbe probe = probe_of(gemm(dtype, m, n, k));
        if (std::none_of(suite.device.begin(), suite.device.end(),
                         [&](const DeviceProbe& p) { return p.id == probe.id; }))
          suite.device.push_back(probe);
      }
}

void add_linears(Suite& suite, const SuiteInput& input, dsk_dtype dtype) {
  for (const Linear& linear : input.linears)
    for (const std::uint64_t m : {1u, 16u, 64u, 4096u}) {
      DeviceProbe probe = probe_of(gemm(dtype, m, linear.n, linear.k));
      probe.id += "/" + linear.name;
      suite.device.push_back(std::move(probe));
    }
}

} // namespace

Suite host_suite(const SuiteInput& input) {
  Suite suite;
  add_host_memory(suite, 1);
  if (input.processors > 1) add_host_memory(suite, input.processors);
  add_disk(suite, std::min(4, std::max(1, input.processors)));
  suite.max_time_s = 2;
  return suite;
}

Suite quick_suite(const SuiteInput& input) {
  Suite suite;
  add_host_memory(suite, input.processors);
  add_disk(suite, std::min(4, std::max(1, input.processors)));
  add_device_streams(suite, input);
  for (const dsk_dtype dtype : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3})
    add_gemms(suite, dtype, false);
  dsk_backend_bench_desc sparse = gemm(DSK_DTYPE_BF16, 8192, 8192, 8192);
  sparse.kind = DSK_BACKEND_BENCH_GEMM_SPARSE;
  suite.device.push_back(probe_of(sparse));
  add_linears(suite, input, DSK_DTYPE_BF16);
  add_launches(suite);
  add_host_links(suite);
  suite.max_time_s = 0.5;
  return suite;
}

Suite full_suite(const SuiteInput& input) {
  Suite suite = host_suite(input);
  add_device_streams(suite, input);
  for (const std::uint64_t size : {4 * mib, 16 * mib, 64 * mib, 256 * mib})
    add_bytes(suite, DSK_BACKEND_BENCH_READ, size);
  for (const dsk_dtype dtype : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3})
    add_gemms(suite, dtype, true);
  for (const dsk_dtype dtype : {DSK_DTYPE_F16, DSK_DTYPE_F32, DSK_DTYPE_I8})
    add_gemms(suite, dtype, false);
  for (const dsk_dtype dtype : {DSK_DTYPE_BF16, DSK_DTYPE_F16, DSK_DTYPE_I8, DSK_DTYPE_F8E4M3})
    for (const std::uint64_t size : {4096u, 8192u}) {
      dsk_backend_bench_desc sparse = gemm(dtype, size, size, size);
      sparse.kind = DSK_BACKEND_BENCH_GEMM_SPARSE;
      suite.device.push_back(probe_of(sparse));
    }
  // The trap itself, beside the honest figure of the same size.
  suite.device.push_back(probe_of(
      gemm(DSK_DTYPE_BF16, 8192, 8192, 8192, DSK_BACKEND_BENCH_GRAPH | DSK_BACKEND_BENCH_ZEROS)));
  // The same products eagerly: what an engine without graphs pays.
  for (const Shape& s : quick_shapes)
    suite.device.push_back(probe_of(gemm(DSK_DTYPE_BF16, s.m, s.n, s.k, 0)));
  add_linears(suite, input, DSK_DTYPE_BF16);
  add_linears(suite, input, DSK_DTYPE_F8E4M3);
  add_launches(suite);
  for (const std::uint32_t count : {1u, 8u, 512u, 2048u}) {
    suite.device.push_back(
        probe_of(kernels(DSK_BACKEND_BENCH_KERNELS, count, DSK_BACKEND_BENCH_GRAPH)));
    suite.device.push_back(probe_of(kernels(DSK_BACKEND_BENCH_GRAPH_BUILD, count)));
  }
  suite.device.push_back(probe_of(kernels(DSK_BACKEND_BENCH_PERSISTENT, 64)));
  add_host_links(suite);
  add_bytes(suite, DSK_BACKEND_BENCH_FROM_HOST, 256 * mib,
            DSK_BACKEND_BENCH_PINNED | DSK_BACKEND_BENCH_BOTH_WAYS);
  for (int peer = 0; peer < input.devices; ++peer)
    for (const std::uint32_t flags : {0u, DSK_BACKEND_BENCH_BOTH_WAYS}) {
      dsk_backend_bench_desc d = desc_of(DSK_BACKEND_BENCH_PEER_COPY, flags);
      d.bytes = 256 * mib;
      d.peer = peer;
      suite.device.push_back(probe_of(d));
    }
  // The own protocol also with ranks that share one device: the cost of the protocol without links.
  for (const std::uint32_t how : {0u, DSK_BACKEND_BENCH_OWN})
    for (int ranks = 2; ranks <= (how ? std::max(8, input.devices) : input.devices); ranks *= 2)
      for (std::uint64_t bytes = 4096; bytes <= (how ? 16 : 256) * mib; bytes *= 4) {
        dsk_backend_bench_desc d =
            desc_of(DSK_BACKEND_BENCH_ALL_REDUCE, DSK_BACKEND_BENCH_GRAPH | how);
        d.bytes = bytes;
        d.count = static_cast<std::uint32_t>(ranks);
        suite.device.push_back(probe_of(d));
      }
  suite.max_time_s = 2;
  return suite;
}

Suite before_after_suite(const SuiteInput&) {
  Suite suite;
  const auto add = [&](const char* name, const char* question, const dsk_backend_bench_desc& before,
                       const dsk_backend_bench_desc& after) {
    suite.versus.push_back(
        {std::string("before_after/") + name, question, probe_of(before), probe_of(after)});
  };
  dsk_backend_bench_desc four = gemm(DSK_DTYPE_BF16, 16, 8192, 8192);
  four.count = 4;
  add("merge_batches", "four batches of 16 rows, or one of 64, through an 8192 x 8192 layer", four,
      gemm(DSK_DTYPE_BF16, 64, 8192, 8192));
  add("graph", "64 dependent kernels launched one by one, or replayed as a CUDA graph",
      kernels(DSK_BACKEND_BENCH_KERNELS, 64),
      kernels(DSK_BACKEND_BENCH_KERNELS, 64, DSK_BACKEND_BENCH_GRAPH));
  add("persistent", "64 steps as 64 launches, or inside one persistent kernel",
      kernels(DSK_BACKEND_BENCH_KERNELS, 64), kernels(DSK_BACKEND_BENCH_PERSISTENT, 64));
  add("programmatic_launch", "64 kernels in a graph, without and with programmatic dependence",
      kernels(DSK_BACKEND_BENCH_KERNELS, 64, DSK_BACKEND_BENCH_GRAPH),
      kernels(DSK_BACKEND_BENCH_KERNELS, 64, DSK_BACKEND_BENCH_GRAPH | DSK_BACKEND_BENCH_PDL));
  suite.max_time_s = 3;
  return suite;
}

const char* dtype_name(dsk_dtype dtype) {
  switch (dtype) {
  case DSK_DTYPE_F32:
    return "tf32"; // single-precision products run in TF32 here
  case DSK_DTYPE_BF16:
    return "bf16";
  case DSK_DTYPE_F16:
    return "fp16";
  case DSK_DTYPE_F8E4M3:
    return "fp8";
  case DSK_DTYPE_I8:
    return "int8";
  default:
    return "none";
  }
}

const char* bench_kind_name(dsk_backend_bench_kind kind) {
  switch (kind) {
  case DSK_BACKEND_BENCH_READ:
    return "memory_read";
  case DSK_BACKEND_BENCH_WRITE:
    return "memory_write";
  case DSK_BACKEND_BENCH_COPY:
    return "memory_copy";
  case DSK_BACKEND_BENCH_TRIAD:
    return "memory_triad";
  case DSK_BACKEND_BENCH_L2_READ:
    return "l2_read";
  case DSK_BACKEND_BENCH_GEMM:
    return "gemm";
  case DSK_BACKEND_BENCH_GEMM_SPARSE:
    return "gemm_sparse";
  case DSK_BACKEND_BENCH_KERNELS:
    return "kernels";
  case DSK_BACKEND_BENCH_PERSISTENT:
    return "persistent";
  case DSK_BACKEND_BENCH_GRAPH_BUILD:
    return "graph_build";
  case DSK_BACKEND_BENCH_FROM_HOST:
    return "from_host";
  case DSK_BACKEND_BENCH_TO_HOST:
    return "to_host";
  case DSK_BACKEND_BENCH_PEER_COPY:
    return "peer_copy";
  case DSK_BACKEND_BENCH_ALL_REDUCE:
    return "all_reduce";
  case DSK_BACKEND_BENCH_DEVICE_COPY:
    return "driver_copy";
  case DSK_BACKEND_BENCH_FORCE_32BIT:
    break;
  }
  return "unknown";
}

} // namespace dsk::bench
