// Times on one GPU: measured choices against every cuBLASLt heuristic, graphs against eager
// launches, decode chains, plan creation, and the own all-reduce with virtual ranks.
// usage: gpu_bench OUT.jsonl [products | bf16 | decode | choices | tour | streams]
#include <cmath>
#include <cstdlib>

#include "bench_kernels.hpp"
#include "bench_tools.hpp"
#include "comm/comm.hpp"
#include "driver.hpp"
#include "graph.hpp"
#include "linear/elementwise.hpp"

namespace bench {
std::FILE* out = nullptr;
}
using namespace bench;

namespace {

/// 64 tiny kernels: launches one by one against one graph.
void tiny_chain(Device& device) {
  const DeviceBytes a(1 << 16), b(1 << 16);
  fill_random(a.at, DSK_DTYPE_BF16, 1 << 15, 5, nullptr);
  check(cudaDeviceSynchronize(), "filling");
  const auto chain = [&](cudaStream_t stream) {
    for (int i = 0; i < 64; ++i)
      activate(DSK_DTYPE_BF16, DSK_BACKEND_SILU, 1, 512, i % 2 ? b.at : a.at, i % 2 ? a.at : b.at,
               Launch{stream, device.programmatic_launch});
  };
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  const auto wall = [&](const std::function<void()>& body) {
    std::vector<double> us;
    for (int i = 0; i < 41; ++i) {
      const auto start = std::chrono::steady_clock::now();
      body();
      check(cudaStreamSynchronize(stream), "chain");
      us.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
    }
    std::sort(us.begin(), us.end());
    return us[us.size() / 2];
  };
  const double eager = wall([&] { chain(stream); });
  Replay graph(1, chain);
  const double device_time = graph.time(41).us;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  chain(stream);
  cudaGraph_t raw = nullptr;
  cudaGraphExec_t exec = nullptr;
  check(cudaStreamEndCapture(stream, &raw), "capture");
  check(cudaGraphInstantiate(&exec, raw, 0), "instantiate");
  const double replayed = wall([&] { check(cudaGraphLaunch(exec, stream), "launch"); });
  std::fprintf(
      out,
      "{\"figure\":\"64 tiny "
      "kernels\",\"eager_us\":%.1f,\"graph_us\":%.1f,\"graph_device_us\":%.1f,\"saved\":%.3f}\n",
      eager, replayed, device_time, 1 - replayed / eager);
  std::printf(
      "64 tiny kernels: eager %.1f us, graph %.1f us (%.0f %% less), on the device %.1f us\n",
      eager, replayed, 100 * (1 - replayed / eager), device_time);
  (void)cudaGraphExecDestroy(exec);
  (void)cudaGraphDestroy(raw);
  (void)cudaStreamDestroy(stream);
}

struct Chain {
  const char* name;
  std::vector<Layer> parts;
};
// One rank's linear layers of one decoder layer at TP 8; kv_b of DeepSeek in its prefill form.
const Chain llama_70b{
    "llama-70b",
    {{"qkv", 1280, 8192}, {"o", 8192, 1024}, {"gate_up", 7168, 8192}, {"down", 8192, 3584}}};
const Chain deepseek_dense{"deepseek-v3 dense layer",
                           {{"q_a+kv_a", 2112, 7168},
                            {"q_b", 3072, 1536},
                            {"kv_b", 4096, 512},
                            {"o", 7168, 2048},
                            {"gate_up", 4608, 7168},
                            {"down", 7168, 2304}}};

/// The products of a layer, one after the other, 20 layers of distinct weights: as a graph with and
/// without programmatic launch, and eagerly.
void layer_chain(Device& device, const Chain& chain, dsk_dtype weight,
                 const std::vector<std::uint64_t>& rows) {
  constexpr std::size_t depth = 20;
  std::vector<std::unique_ptr<Bank>> banks;
  for (const Layer& part : chain.parts)
    banks.push_back(std::make_unique<Bank>(device, weight, part.n, part.k, rows.back()));
  for (const std::uint64_t m : rows) {
    std::vector<std::unique_ptr<Gemm>> gemms;
    std::vector<std::string> texts(banks.size());
    std::uint64_t space_bytes = 0;
    for (std::size_t layer = 0; layer < depth; ++layer)
      for (std::size_t i = 0; i < banks.size(); ++i) {
        banks[i]->max_m = m;
        gemms.push_back(banks[i]->gemm(layer % banks[i]->data.size(), texts[i]));
        texts[i] = gemms.back()->choices_text();
        space_bytes = std::max(space_bytes, gemms.back()->workspace_bytes());
      }
    const DeviceBytes x(m * 16384), y(m * 16384), space(space_bytes + 256);
    fill_random(x.at, DSK_DTYPE_BF16, m * 8192, 9, nullptr);
    check(cudaDeviceSynchronize(), "filling");
    const auto work = [&](cudaStream_t stream) {
      for (const auto& gemm : gemms)
        gemm->enqueue(m, x.at, y.at, space.at, stream);
    };
    const bool programmatic = device.programmatic_launch;
    Replay graph(depth, work);
    device.programmatic_launch = false;
    Replay plain(depth, work);
    device.programmatic_launch = programmatic;
    Timing replayed = graph.time(15), without = plain.time(15);
    const Timing again = graph.time(15), without_again = plain.time(15);
    if (again.us < replayed.us) replayed = again;
    if (without_again.us < without.us) without = without_again;
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
    std::vector<double> us;
    for (int i = 0; i < 15; ++i) {
      const auto start = std::chrono::steady_clock::now();
      work(stream);
      check(cudaStreamSynchronize(stream), "chain");
      us.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count() /
          static_cast<double>(depth));
    }
    std::sort(us.begin(), us.end());
    (void)cudaStreamDestroy(stream);
    std::string choices;
    for (const std::string& text : texts)
      choices += (choices.empty() ? "" : " | ") + text.substr(0, 14);
    const char* format = weight == DSK_DTYPE_BF16 ? "bf16" : "fp8 block";
    std::fprintf(out,
                 "{\"figure\":\"decode chain\",\"layer\":\"%s tp8\",\"weight\":\"%s\",\"m\":%llu,"
                 "\"graph_us\":%.2f,\"graph_low\":%.2f,\"graph_high\":%.2f,\"without_pdl_us\":%.2f,"
                 "\"eager_us\":%.2f,\"choices\":\"%s\"}\n",
                 chain.name, format, static_cast<unsigned long long>(m), replayed.us, replayed.low,
                 replayed.high, without.us, us[us.size() / 2], choices.c_str());
    std::printf("%s tp8, %s, m = %llu: graph %.2f us, without programmatic launch %.2f, eager %.2f "
                "[%s]\n",
                chain.name, format, static_cast<unsigned long long>(m), replayed.us, without.us,
                us[us.size() / 2], choices.c_str());
    std::fflush(stdout);
  }
}

/// Streams over 1 GiB by kernels written without care, beside which the probes' figures stand.
void plain_streams() {
  constexpr std::uint64_t bytes = std::uint64_t{1} << 30;
  const DeviceBytes a(bytes), b(bytes), sink(16);
  fill_random(a.at, DSK_DTYPE_BF16, bytes / 2, 1, nullptr);
  check(cudaDeviceSynchronize(), "filling");
  const auto report = [](const char* name, double moved, const Timing& t) {
    std::fprintf(
        out,
        "{\"figure\":\"hand-written stream\",\"name\":\"%s\",\"gb_per_s\":%.1f,\"us\":%.2f,"
        "\"low\":%.2f,\"high\":%.2f}\n",
        name, moved / t.us * 1e-3, t.us, t.low, t.high);
    std::printf("hand-written %s of 1 GiB: %.1f GB/s\n", name, moved / t.us * 1e-3);
  };
  Replay copy(10, [&](cudaStream_t stream) {
    for (int i = 0; i < 10; ++i)
      plain_copy(a.at, b.at, bytes, stream);
  });
  report("copy", 2.0 * static_cast<double>(bytes), copy.time(15));
  for (const unsigned blocks : {264u, 1056u, 4224u}) {
    Replay read(10, [&](cudaStream_t stream) {
      for (int i = 0; i < 10; ++i)
        plain_read(a.at, bytes, blocks, sink.at, stream);
    });
    report(("read, " + std::to_string(blocks) + " blocks").c_str(), static_cast<double>(bytes),
           read.time(15));
  }
}

/// Device memory of graphs: what was said before against what the driver's free memory says after,
/// for the kernels with the most and with the fewest parameters.
void graph_memory(Device& device) {
  const Bank bank(device, DSK_DTYPE_BF16, 1024, 1024, 1);
  const DeviceBytes x(1 << 12), y(1 << 12);
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  void* streams[] = {stream};
  for (const char* choice : {"1:s:1,64,1,0", "1:g:1,1"}) {
    const auto gemm = bank.gemm(0, choice);
    if (gemm->choices_text() != choice) continue; // no kernel of this device
    for (const int nodes :
         {1, 80, 80, 400, 800, 1600, 2400, 4000, 8000}) { // twice 80: the driver keeps pools
      std::size_t before = 0, after = 0, total = 0;
      check(cudaDeviceSynchronize(), "quiet");
      check(cudaMemGetInfo(&before, &total), "memory");
      begin_capture(device, streams, 1);
      for (int i = 0; i < nodes; ++i)
        gemm->enqueue(1, x.at, y.at, nullptr, stream);
      dsk_backend_graph* graph = nullptr;
      end_capture(device, streams, 1, false, graph);
      launch_graph(*graph, stream);
      check(cudaStreamSynchronize(stream), "replay");
      check(cudaMemGetInfo(&after, &total), "memory");
      const auto said = graph_memory_bound(static_cast<std::uint64_t>(nodes));
      const double taken = static_cast<double>(before) - static_cast<double>(after);
      std::fprintf(out,
                   "{\"figure\":\"graph memory\",\"kernel\":\"%.3s\",\"nodes\":%d,"
                   "\"said_mib\":%.2f,\"taken_mib\":%.2f}\n",
                   choice, nodes, static_cast<double>(said) / (1 << 20), taken / (1 << 20));
      std::printf("graph of %d nodes (%.3s): %.2f MiB said before, %.2f MiB taken\n", nodes, choice,
                  static_cast<double>(said) / (1 << 20), taken / (1 << 20));
      delete graph;
    }
  }
  (void)cudaStreamDestroy(stream);
}

/// Own all-reduce of virtual ranks: 20 in one graph.
void all_reduce(Device& device) {
  for (const std::uint32_t ranks : {2u, 4u, 8u}) {
    dsk_backend_comm_options options{};
    options.struct_size = sizeof options;
    options.timeout_ms = 5000;
    options.max_bytes = 1 << 20;
    const auto comms = make_peer_comms(std::vector<Device*>(ranks, &device), options);
    for (const std::uint64_t bytes : {2048u, 16384u, 65536u, 262144u, 1048576u}) {
      std::vector<std::unique_ptr<DeviceBytes>> in, result;
      for (std::uint32_t r = 0; r < ranks; ++r) {
        in.push_back(std::make_unique<DeviceBytes>(bytes));
        result.push_back(std::make_unique<DeviceBytes>(bytes));
        fill_random(in.back()->at, DSK_DTYPE_BF16, bytes / 2, r, nullptr);
      }
      check(cudaDeviceSynchronize(), "filling");
      constexpr int repeats = 20;
      Replay graph(repeats, [&](cudaStream_t stream) {
        for (int i = 0; i < repeats; ++i) {
          std::vector<dsk_backend_collective> calls;
          for (std::uint32_t r = 0; r < ranks; ++r)
            calls.push_back(
                {comms[r].get(), DSK_DTYPE_BF16, bytes / 2, in[r]->at, result[r]->at, stream});
          comms[0]->all_reduce(calls.data(), ranks);
        }
      });
      const Timing timing = graph.time(15);
      CopyRanks copies{};
      for (std::uint32_t r = 0; r < ranks; ++r) {
        copies.in[r] = in[r]->at;
        copies.out[r] = result[r]->at;
      }
      Replay without(repeats, [&](cudaStream_t stream) {
        for (int i = 0; i < repeats; ++i)
          copy_ranks(copies, ranks, bytes, stream);
      });
      const Timing bare = without.time(15);
      std::fprintf(out,
                   "{\"figure\":\"own all-reduce, virtual "
                   "ranks\",\"ranks\":%u,\"bytes\":%llu,\"us\":%.2f,\"low\":%.2f,\"high\":%.2f,"
                   "\"copy_us\":%.2f,\"protocol_us\":%.2f}\n",
                   ranks, static_cast<unsigned long long>(bytes), timing.us, timing.low,
                   timing.high, bare.us, timing.us - bare.us);
      std::printf("own all-reduce, %u virtual ranks, %llu bytes: %.2f us; the same grid copying "
                  "%.2f us; protocol %.2f us\n",
                  ranks, static_cast<unsigned long long>(bytes), timing.us, bare.us,
                  timing.us - bare.us);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  out = std::fopen(argc > 1 ? argv[1] : "bench.jsonl", "w");
  if (!out) return 2;
  try {
    Device device(0);
    dsk_backend_device_info info{};
    std::string why;
    describe(0, info, why);
    std::fprintf(out,
                 "{\"figure\":\"device\",\"name\":\"%s\",\"driver\":\"%s\",\"cublaslt\":\"%s\","
                 "\"nccl\":\"%s\",\"sms\":%u}\n",
                 info.name, driver().version.c_str(), blas().version.c_str(),
                 nccl_version().c_str(), info.multiprocessors);
    const std::string mode = argc > 2 ? argv[2] : "";
    const auto formats = [&](auto body) {
      for (const dsk_dtype weight : {DSK_DTYPE_BF16, DSK_DTYPE_F8E4M3})
        if (mode != "bf16" || weight == DSK_DTYPE_BF16) body(weight);
    };
    if (mode == "choices" || mode == "tour") { // the tour is small, for the sanitizers
      const std::vector<Layer> few{{"small", 136, 272}, {"wide", 72, 2064}};
      const std::vector<Layer> real{
          {"l70b qkv tp8", 1280, 8192},          {"l70b o tp8", 8192, 1024},
          {"l70b gate_up tp8", 7168, 8192},      {"l70b down tp8", 8192, 3584},
          {"dsv3 q_a+kv_a", 2112, 7168},         {"dsv3 q_b tp8", 3072, 1536},
          {"dsv3 shared gate_up tp8", 512, 7168}};
      bool right = true;
      formats([&](dsk_dtype weight) {
        right &= mode == "tour" ? skinny_choices(device, weight, {1, 3, 16, 19, 64}, few, false)
                                : skinny_choices(device, weight, {1, 16, 64}, real, true);
      });
      if (mode == "tour")
        for (const std::uint32_t phase : {0u, 48u})
          right &= wide_choices(device, {65, 131, 260}, few, phase, false, nullptr);
      std::fclose(out);
      return right ? 0 : 1;
    }
    if (mode == "wide" || mode == "large") {
      bool right = true;
      Against against;
      // Ragged in every direction first, and scale blocks that straddle ranks.
      const std::vector<Layer> odd{{"odd", 1000, 1040}, {"odd", 131, 400}, {"odd", 384, 3696}};
      for (const std::uint32_t phase : {0u, 48u})
        right &= wide_choices(device, {65, 200, 513}, odd, phase, false, nullptr);
      std::printf("odd shapes %s\n", right ? "right" : "WRONG");
      const std::ptrdiff_t every = argc > 3 ? std::atoi(argv[3]) : 1; // n-th layer only
      if (mode == "wide")
        for (const Layer& layer : layers)
          if (layer.k % 128 == 0 && (&layer - layers) % std::max<std::ptrdiff_t>(every, 1) == 0)
            right &= wide_choices(device, {65, 128, 256, 512}, {layer}, 0, true, &against);
      const Against few = against;
      right &= wide_choices(
          device, {4096},
          {{"dsv3 o", 7168, 16384}, {"dsv3 shared gate_up", 4096, 7168}, {"dsv3 q_b", 24576, 1536}},
          0, true, &against);
      if (few.points)
        std::printf(
            "m up to 512: %d points, own / best cuBLASLt: worst %.3f, geometric mean %.3f\n",
            few.points, few.worst, std::exp(few.log_sum / few.points));
      std::fclose(out);
      return right ? 0 : 1;
    }
    plain_streams();
    if (mode == "streams") {
      std::fclose(out);
      return 0;
    }
    tiny_chain(device);
    graph_memory(device);
    all_reduce(device);
    formats([&](dsk_dtype weight) { layer_chain(device, llama_70b, weight, {1, 16, 64}); });
    formats([&](dsk_dtype weight) { layer_chain(device, deepseek_dense, weight, {1, 16}); });
    if (!mode.empty())
      formats([&](dsk_dtype weight) {
        const auto start = std::chrono::steady_clock::now();
        const std::vector<std::uint64_t> few{1, 4, 16, 64},
            all{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 8192},
            fp8{1, 2, 4, 8, 16, 32, 64, 512, 4096};
        const Against against = products(device, weight,
                                         mode == "decode"           ? few
                                         : weight == DSK_DTYPE_BF16 ? all
                                                                    : fp8);
        std::printf(
            "%s: %d points, own / best cuBLASLt: worst %.3f, geometric mean %.3f, %.0f s\n",
            weight == DSK_DTYPE_BF16 ? "bf16" : "fp8 block", against.points, against.worst,
            against.points ? std::exp(against.log_sum / against.points) : 0.0,
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      });
  } catch (const std::exception& e) {
    std::printf("failed: %s\n", e.what());
    return 1;
  }
  std::fclose(out);
  return 0;
}
