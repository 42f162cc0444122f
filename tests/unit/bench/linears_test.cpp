#include "bench/linears.hpp"

#include <map>

#include <doctest/doctest.h>

#include "catalog/catalog.hpp"

using namespace dsk::bench;

namespace {

using Shape = std::pair<std::uint64_t, std::uint64_t>;

std::map<std::string, Shape> shapes(const char* model, int tp) {
  std::map<std::string, Shape> out;
  for (const Linear& l : linears_of(dsk::Catalog().model(model, ""), tp))
    out[l.name] = {l.n, l.k};
  return out;
}

} // namespace

// From the published config.json files: hidden 8192, 64 heads of 128 over 8 KV heads, intermediate
// 28672, vocabulary 128256.
TEST_CASE("linears: Llama-70B on eight ranks") {
  auto s = shapes("llama-3.1-70b", 8);
  CHECK(s["qkv"] == Shape{1280, 8192});
  CHECK(s["o"] == Shape{8192, 1024});
  CHECK(s["gate_up"] == Shape{7168, 8192});
  CHECK(s["down"] == Shape{8192, 3584});
  CHECK(s["lm_head"] == Shape{16032, 8192});
}

// hidden 7168, 128 heads, ranks 1536 and 512, 128 + 64 and 128 wide heads, first layers 18432 wide,
// experts 2048, one of them shared, vocabulary 129280.
TEST_CASE("linears: DeepSeek-R1 on eight ranks") {
  auto s = shapes("deepseek-r1", 8);
  CHECK(s["q_a_kv_a"] == Shape{2112, 7168});
  CHECK(s["q_b"] == Shape{3072, 1536});
  CHECK(s["kv_b"] == Shape{4096, 512});
  CHECK(s["o"] == Shape{7168, 2048});
  CHECK(s["gate_up"] == Shape{4608, 7168});
  CHECK(s["down"] == Shape{7168, 2304});
  CHECK(s["shared_gate_up"] == Shape{512, 7168});
  CHECK(s["shared_down"] == Shape{7168, 256});
  CHECK(s["lm_head"] == Shape{16160, 7168});
}
