// Lost ranks, aborts, killed processes, captures side by side and bad input on a GPU.
#include "suite_tools.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

TEST_CASE("a lost rank is named within the timeout, the device stays usable, and a new "
          "communicator works") {
  if (std::string(transport_name()) != "peer") return;
  const auto device = cuda();
  Rng rng(46);
  dsk_error* error = nullptr;
  const Weight weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, 256, 512, false);
  const dsk_tp_weight described = weight.describe();
  for (const bool again : {false, true}) {
    const auto comms = comms_of(device.get(), 2, 200);
    std::vector<Plan> plans;
    std::vector<Memory> xs, ys, spaces;
    for (std::uint32_t r = 0; r < 2; ++r) {
      plans.emplace_back(comms[r].get(), linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16,
                                                     4, DSK_TP_NO_MEASURE));
      xs.emplace_back(device.get(), random_tensor(rng, DSK_DTYPE_BF16, 4 * 256));
      ys.emplace_back(device.get(), 4 * 256 * 2);
      spaces.emplace_back(device.get(), plans[r].info.workspace_bytes);
    }
    Stream stream(device.get());
    if (!again) {
      const dsk_tp_args args = device_args(4, xs[0], ys[0], spaces[0]);
      ok(dsk_tp_linear_enqueue(plans[0].handle.get(), &args, stream.raw, &error), error);
      const auto start = std::chrono::steady_clock::now();
      dsk_status status = DSK_STATUS_OK;
      status = dsk_tp_comm_wait(comms[0].get(), stream.raw, &error);
      const double ms =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
              .count();
      std::printf("lost rank named after %.1f ms (limit 200 ms): %s\n", ms,
                  dsk_error_message(error));
      refused(status, error, DSK_STATUS_BACKEND, "rank 1 is lost");
      CHECK(ms < 400);
      const dsk_status later =
          dsk_tp_linear_enqueue(plans[0].handle.get(), &args, stream.raw, &error);
      refused(later, error, DSK_STATUS_CANCELLED, "rank 1");
      continue;
    }
    dsk_tp_comm* raw[] = {comms[0].get(), comms[1].get()};
    dsk_tp_group* group = nullptr;
    ok(dsk_tp_group_begin(raw, 2, &group, &error), error);
    for (std::uint32_t r = 0; r < 2; ++r) {
      const dsk_tp_args args = device_args(4, xs[r], ys[r], spaces[r]);
      ok(dsk_tp_linear_enqueue(plans[r].handle.get(), &args, stream.raw, &error), error);
    }
    ok(dsk_tp_group_end(group, &error), error);
    wait(raw[0], stream.raw);
    CHECK(ys[0].read_back() == ys[1].read_back());
  }
}

TEST_CASE("bad input on the device: a status and a sentence, and the device stays usable") {
  const auto device = cuda();
  dsk_error* error = nullptr;
  dsk_tp_device* none = nullptr;
  const dsk_status far = dsk_tp_device_create("cuda", 4, 99, &none, &error);
  refused(far, error, DSK_STATUS_NOT_FOUND, "no CUDA device 99");
  void* memory = nullptr;
  const dsk_status large =
      dsk_tp_device_memory_create(device.get(), std::uint64_t{1} << 50, &memory, &error);
  refused(large, error, DSK_STATUS_OUT_OF_MEMORY, "memory");
  Memory small(device.get(), Bytes(16, 7));
  CHECK(small.read_back() == Bytes(16, 7));
}

TEST_CASE("an aborted communicator ends its waits at once, and a new one works") {
  if (std::string(transport_name()) != "peer") return;
  const auto device = cuda();
  Rng rng(51);
  dsk_error* error = nullptr;
  const Weight weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, 256, 512, false);
  const dsk_tp_weight described = weight.describe();
  const auto comms = comms_of(device.get(), 2, 20000);
  const Plan plan(comms[0].get(),
                  linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16, 4, DSK_TP_NO_MEASURE));
  const Memory x(device.get(), random_tensor(rng, DSK_DTYPE_BF16, 4 * 256)),
      y(device.get(), 4 * 256 * 2), space(device.get(), plan.info.workspace_bytes);
  Stream stream(device.get());
  const dsk_tp_args args = device_args(4, x, y, space);
  ok(dsk_tp_linear_enqueue(plan.handle.get(), &args, stream.raw, &error),
     error); // rank 1 never comes
  const auto start = std::chrono::steady_clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    dsk_tp_comm_abort(comms[0].get());
  });
  const dsk_status status = dsk_tp_comm_wait(comms[0].get(), stream.raw, &error);
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  other.join();
  std::printf("abort after 50 ms: the wait ended after %.1f ms: %s\n", ms,
              dsk_error_message(error));
  refused(status, error, DSK_STATUS_CANCELLED, "abort");
  CHECK(ms < 1000);
  const dsk_status later = dsk_tp_linear_enqueue(plan.handle.get(), &args, stream.raw, &error);
  refused(later, error, DSK_STATUS_CANCELLED, "abort");
  const auto fresh = comms_of(device.get(), 1);
  const Plan again(fresh[0].get(),
                   linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_BF16, 4, DSK_TP_NO_MEASURE));
  const Memory whole(device.get(), random_tensor(rng, DSK_DTYPE_BF16, 4 * 512)),
      room(device.get(), again.info.workspace_bytes + 16);
  const dsk_tp_args one = device_args(4, whole, y, room);
  Stream next(device.get());
  ok(dsk_tp_linear_enqueue(again.handle.get(), &one, next.raw, &error), error);
  wait(fresh[0].get(), next.raw);
}

TEST_CASE("two threads capture and replay their own graphs at the same time") {
  const auto device = cuda();
  Rng rng(52);
  constexpr std::size_t width = 512, m = 2;
  const BigWeight weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, width, width);
  const dsk_tp_weight described = weight.describe();
  const Bytes x = random_tensor(rng, DSK_DTYPE_BF16, m * width);
  const auto first = comms_of(device.get(), 1), second = comms_of(device.get(), 1);
  std::vector<Plan> plans;
  std::vector<Memory> xs, ys, spaces;
  for (const auto* comms : {&first, &second}) {
    plans.emplace_back((*comms)[0].get(), linear_desc(&described, DSK_TP_SPLIT_REPLICATED,
                                                      DSK_DTYPE_BF16, m, DSK_TP_NO_MEASURE));
    xs.emplace_back(device.get(), x);
    ys.emplace_back(device.get(), m * width * 2);
    spaces.emplace_back(device.get(), plans.back().info.workspace_bytes + 16);
  }
  std::string failures[2];
  const auto work = [&](std::size_t t) {
    Stream stream(device.get());
    dsk_tp_comm* comm = (t == 0 ? first : second)[0].get();
    dsk_error* error = nullptr;
    for (int i = 0; i < 50; ++i) {
      dsk_tp_graph* raw = nullptr;
      dsk_status status = dsk_tp_graph_create(&comm, 1, &raw, &error);
      const Owned<dsk_tp_graph> graph(raw);
      const dsk_tp_args args = device_args(m, xs[t], ys[t], spaces[t]);
      for (int step = 0; step < 10 && status == DSK_STATUS_OK; ++step)
        status = dsk_tp_graph_add_linear(raw, plans[t].handle.get(), &args, nullptr, &error);
      if (status == DSK_STATUS_OK) status = dsk_tp_graph_capture(raw, &error);
      if (status == DSK_STATUS_OK) status = dsk_tp_graph_replay(raw, stream.raw, &error);
      if (status == DSK_STATUS_OK) status = dsk_tp_comm_wait(comm, stream.raw, &error);
      if (status != DSK_STATUS_OK) {
        failures[t] = dsk_error_message(error);
        return;
      }
    }
  };
  std::thread other([&] { work(1); });
  work(0);
  other.join();
  CHECK(failures[0] == "");
  CHECK(failures[1] == "");
  CHECK(ys[0].read_back() == ys[1].read_back());
}

// A thread that has made no CUDA call has no context, not even on device 0; some kernels need one
// for a call to the driver before their launch. A new thread for every m, so that each is first.
TEST_CASE("a plan made on one thread runs from threads whose first CUDA call it is") {
  const auto device = cuda();
  Rng rng(54);
  constexpr std::size_t width = 2048, most = 64;
  const BigWeight weight(rng, DSK_DTYPE_BF16, DSK_DTYPE_BF16, width, width);
  const dsk_tp_weight described = weight.describe();
  const auto comms = comms_of(device.get(), 1);
  const Plan plan(comms[0].get(), linear_desc(&described, DSK_TP_SPLIT_REPLICATED, DSK_DTYPE_BF16,
                                              most, 0)); // measured: own kernels and the library's
  const Memory x(device.get(), random_tensor(rng, DSK_DTYPE_BF16, most * width));
  const Memory space(device.get(), plan.info.workspace_bytes + 16);
  for (const std::size_t m : {1, 8, 16, 32, 64}) {
    CAPTURE(m);
    Memory here(device.get(), m * width * 2), there(device.get(), m * width * 2);
    const auto enqueue = [&](const Memory& y, void* stream) -> std::string {
      dsk_error* error = nullptr;
      const dsk_tp_args args = device_args(m, x, y, space);
      if (dsk_tp_linear_enqueue(plan.handle.get(), &args, stream, &error) == DSK_STATUS_OK)
        return "";
      const Owned<dsk_error> owned(error);
      return dsk_error_message(error);
    };
    Stream stream(device.get());
    CHECK(enqueue(here, stream.raw) == "");
    wait(comms[0].get(), stream.raw);
    std::string failure;
    std::thread([&] { failure = enqueue(there, stream.raw); }).join();
    CHECK(failure == "");
    wait(comms[0].get(), stream.raw);
    CHECK(here.read_back() == there.read_back());
  }
}

// Ranks in two processes, joined through NCCL and the bootstrap socket; it takes two GPUs, because
// NCCL does not come up between processes that share one. The other rank is this program again; it
// joins and is killed.
TEST_CASE("heartbeat over NCCL: the other process" *
          doctest::skip(!std::getenv("DSK_TEST_CHILD"))) {
  dsk_tp_comm* raw = nullptr;
  dsk_error* error = nullptr;
  dsk_tp_comm_options options{};
  options.struct_size = sizeof options;
  options.timeout_ms = 20000;
  ok(dsk_tp_comm_create_from_env("cuda", 4, &options, &raw, &error), error);
  std::printf("joined\n");
  std::fflush(stdout);
  std::this_thread::sleep_for(std::chrono::seconds(60));
}

TEST_CASE("heartbeat over NCCL: a process that is killed is named and the communicator aborted") {
  dsk_tp_device* second = nullptr;
  dsk_error* none = nullptr;
  const dsk_status two = dsk_tp_device_create("cuda", 4, 1, &second, &none);
  dsk_tp_device_destroy(second);
  dsk_error_destroy(none);
  if (two != DSK_STATUS_OK || std::getenv("DSK_TEST_CHILD")) return;
  const auto port = std::to_string(20000 + getpid() % 20000);
  const auto environment = [&](const char* rank) {
    setenv("RANK", rank, 1);
    setenv("LOCAL_RANK", rank, 1);
    setenv("WORLD_SIZE", "2", 1);
    setenv("MASTER_ADDR", "127.0.0.1", 1);
    setenv("MASTER_PORT", port.c_str(), 1);
  };
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    environment("1");
    setenv("DSK_TEST_CHILD", "1", 1);
    execl("/proc/self/exe", "gpu_suite", "-tc=heartbeat over NCCL: the other process",
          static_cast<char*>(nullptr));
    _exit(1);
  }
  environment("0");
  dsk_tp_comm* raw = nullptr;
  dsk_error* error = nullptr;
  dsk_tp_comm_options options{};
  options.struct_size = sizeof options;
  options.timeout_ms = 20000;
  const dsk_status joined = dsk_tp_comm_create_from_env("cuda", 4, &options, &raw, &error);
  if (joined != DSK_STATUS_OK) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::printf("two processes on one GPU could not join: %s\n", dsk_error_message(error));
    FAIL_CHECK("no communicator");
    return;
  }
  const Owned<dsk_tp_comm> comm(raw);
  const auto device = cuda();
  Rng rng(53);
  const Weight weight(rng, DSK_DTYPE_F32, DSK_DTYPE_F32, 64, 128, false);
  const dsk_tp_weight described = weight.describe();
  const Plan plan(comm.get(),
                  linear_desc(&described, DSK_TP_SPLIT_ROW, DSK_DTYPE_F32, 1, DSK_TP_NO_MEASURE));
  const Memory x(device.get(), random_tensor(rng, DSK_DTYPE_F32, 64)), y(device.get(), 64 * 4),
      space(device.get(), plan.info.workspace_bytes + 16);
  Stream stream(device.get());
  kill(child, SIGKILL);
  const auto start = std::chrono::steady_clock::now();
  const dsk_tp_args args = device_args(1, x, y, space);
  dsk_status status = dsk_tp_linear_enqueue(plan.handle.get(), &args, stream.raw, &error);
  if (status == DSK_STATUS_OK) status = dsk_tp_comm_wait(comm.get(), stream.raw, &error);
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  waitpid(child, nullptr, 0);
  std::printf("killed process named after %.1f ms: %s\n", ms, dsk_error_message(error));
  refused(status, error, DSK_STATUS_BACKEND, "rank 1");
  CHECK(ms < 5000);
}
