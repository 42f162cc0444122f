// Lost ranks, aborts and disagreement: every wait is bounded and names the rank; a new communicator
// works.
#include "tp/layer.hpp"

#include <atomic>
#include <chrono>
#include <thread>

using namespace layer;

namespace {

struct Ranks {
  World world;
  Weight weight;
  std::vector<Owned<dsk_tp_linear>> plans;
  std::vector<Buffer> xs, ys, spaces;

  Ranks(std::uint32_t ranks, std::uint64_t timeout_ms, Rng& rng, std::size_t n = 64)
      : world(ranks, timeout_ms), weight(rng, DSK_DTYPE_F32, DSK_DTYPE_F32, n, 4 * ranks, false) {
    const dsk_tp_weight described = weight.describe();
    for (std::uint32_t r = 0; r < ranks; ++r) {
      dsk_tp_linear_desc desc{};
      desc.struct_size = sizeof desc;
      desc.split = DSK_TP_SPLIT_ROW;
      desc.activation_dtype = DSK_DTYPE_F32;
      desc.max_m = 4;
      desc.weights = &described;
      desc.weight_count = 1;
      dsk_tp_linear* plan = nullptr;
      dsk_error* error = nullptr;
      ok(dsk_tp_linear_create(world.raw[r], &desc, &plan, &error), error);
      plans.emplace_back(plan);
      dsk_tp_plan_info info{};
      info.struct_size = sizeof info;
      ok(dsk_tp_linear_get_info(plan, &info, &error), error);
      xs.emplace_back(random_tensor(rng, DSK_DTYPE_F32, 16));
      ys.emplace_back(4 * n * 4);
      spaces.emplace_back(info.workspace_bytes);
    }
  }
  dsk_status enqueue(std::uint32_t r, std::string& sentence, std::size_t m = 4) {
    const dsk_tp_args args = arguments(m, xs[r], ys[r], spaces[r]);
    dsk_error* error = nullptr;
    const dsk_status status = dsk_tp_linear_enqueue(plans[r].get(), &args, nullptr, &error);
    sentence = dsk_error_message(error);
    dsk_error_destroy(error);
    return status;
  }
  dsk_tp_comm_info info(std::uint32_t r) const {
    dsk_tp_comm_info out{};
    out.struct_size = sizeof out;
    dsk_error* error = nullptr;
    ok(dsk_tp_comm_get_info(world.raw[r], &out, &error), error);
    return out;
  }
};

} // namespace

TEST_CASE(
    "a rank that never comes is named by all others within the timeout; a new communicator works") {
  Rng rng(21);
  for (const std::uint32_t dead : {0u, 2u})
    for (const std::size_t n : {64u, 20000u}) { // one-shot, two-shot
      constexpr std::uint64_t timeout_ms = 300;
      Ranks ranks(4, timeout_ms, rng, n);
      std::string sentences[4];
      dsk_status status[4] = {};
      std::vector<std::thread> threads;
      const auto start = std::chrono::steady_clock::now();
      for (std::uint32_t r = 0; r < 4; ++r)
        if (r != dead) threads.emplace_back([&, r] { status[r] = ranks.enqueue(r, sentences[r]); });
      for (std::thread& thread : threads)
        thread.join();
      const auto took = std::chrono::steady_clock::now() - start;
      CHECK(took < std::chrono::milliseconds(20 * timeout_ms));
      for (std::uint32_t r = 0; r < 4; ++r) {
        if (r == dead) continue;
        INFO(sentences[r]);
        CHECK(status[r] == DSK_STATUS_BACKEND);
        CHECK(sentences[r].find("rank " + std::to_string(dead) + " is lost") != std::string::npos);
        CHECK(ranks.info(r).lost_rank == static_cast<std::int32_t>(dead));
        CHECK(ranks.enqueue(r, sentences[r]) == DSK_STATUS_CANCELLED);
      }
    }
  Ranks again(4, 5000, rng);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (std::uint32_t r = 0; r < 4; ++r)
    threads.emplace_back([&, r] {
      std::string sentence;
      good += again.enqueue(r, sentence) == DSK_STATUS_OK;
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(good == 4);
}

TEST_CASE("an abort from another thread ends a wait at once") {
  Rng rng(22);
  Ranks ranks(2, 60000, rng);
  std::string sentence;
  dsk_status status = DSK_STATUS_OK;
  std::thread waiting([&] { status = ranks.enqueue(0, sentence); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  dsk_tp_comm_abort(ranks.world.raw[1]);
  waiting.join();
  CHECK(status == DSK_STATUS_CANCELLED);
  CHECK(sentence.find("aborted") != std::string::npos);
  CHECK(ranks.enqueue(1, sentence) == DSK_STATUS_CANCELLED);
  CHECK(ranks.info(1).aborted == 1);
}

TEST_CASE("an abort of one rank is known to the others before they meet it in a collective") {
  Rng rng(24);
  Ranks ranks(3, 60000, rng);
  dsk_error* error = nullptr;
  CHECK(dsk_tp_comm_wait(ranks.world.raw[0], nullptr, &error) == DSK_STATUS_OK);
  dsk_tp_comm_abort(ranks.world.raw[1]);
  for (std::uint32_t r = 0; r < 3; ++r) {
    CHECK(dsk_tp_comm_wait(ranks.world.raw[r], nullptr, &error) == DSK_STATUS_CANCELLED);
    CHECK(std::string(dsk_error_message(error)).find("aborted") != std::string::npos);
    dsk_error_destroy(error);
    error = nullptr;
    std::string sentence;
    CHECK(ranks.enqueue(r, sentence) == DSK_STATUS_CANCELLED);
    CHECK(ranks.info(r).aborted == 1);
    CHECK(ranks.info(r).lost_rank == DSK_TP_NO_RANK);
  }
}

TEST_CASE("ranks that come late, in changing order, give the same bits") {
  Rng rng(23);
  Ranks ranks(4, 20000, rng, 3000);
  std::vector<Bytes> results;
  for (int round = 0; round < 12; ++round) {
    std::vector<std::thread> threads;
    for (std::uint32_t r = 0; r < 4; ++r) {
      const auto delay = std::chrono::microseconds(rng() % 3000);
      threads.emplace_back([&, r, delay] {
        std::this_thread::sleep_for(delay);
        std::string sentence;
        CHECK(ranks.enqueue(r, sentence) == DSK_STATUS_OK);
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    for (const Buffer& y : ranks.ys) {
      const auto* p = static_cast<const std::uint8_t*>(y.get());
      results.emplace_back(p, p + y.bytes());
    }
  }
  for (const Bytes& result : results)
    CHECK(result == results[0]);
}

TEST_CASE("groups refuse ranks that do not match, ranks given twice, and a second group") {
  Rng rng(24);
  Ranks ranks(3, 5000, rng);
  dsk_tp_comm* const* raw = ranks.world.raw.data();
  dsk_error* error = nullptr;
  std::string sentence;
  dsk_tp_group *group = nullptr, *second = nullptr;
  ok(dsk_tp_group_begin(raw, 3, &group, &error), error);
  refused(dsk_tp_group_begin(raw, 3, &second, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "in a group already");
  CHECK(ranks.enqueue(0, sentence, 4) == DSK_STATUS_OK);
  CHECK(ranks.enqueue(1, sentence, 4) == DSK_STATUS_OK);
  CHECK(ranks.enqueue(2, sentence, 3) == DSK_STATUS_OK);
  refused(dsk_tp_group_end(group, &error), error, DSK_STATUS_INVALID_ARGUMENT, "rank 2");
  CHECK(static_cast<const std::uint8_t*>(ranks.ys[0].get())[0] == 0xcd); // nothing has run

  ok(dsk_tp_group_begin(raw, 3, &group, &error), error);
  CHECK(ranks.enqueue(0, sentence, 4) == DSK_STATUS_OK);
  refused(dsk_tp_group_end(group, &error), error, DSK_STATUS_INVALID_ARGUMENT, "do not match");

  refused(dsk_tp_group_begin(raw, 2, &group, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "2 of 3 ranks");
  dsk_tp_comm* const twice[] = {raw[0], raw[0], raw[1]};
  refused(dsk_tp_group_begin(twice, 3, &group, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "given twice");
  World stranger(1);
  dsk_tp_comm* const mixed[] = {raw[0], raw[1], stranger.raw[0]};
  refused(dsk_tp_group_begin(mixed, 3, &group, &error), error, DSK_STATUS_INVALID_ARGUMENT,
          "one local communicator");
  CHECK(group == nullptr);
}
