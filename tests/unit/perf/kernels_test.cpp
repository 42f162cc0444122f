// Measured tables: what is exact, what is interpolated, what is refused.
#include <doctest/doctest.h>

#include <cmath>

#include "base/error.hpp"
#include "catalog/catalog.hpp"
#include "perf/ops_time.hpp"
#include "perf/tables_rules.hpp"
#include "perf/validate.hpp"

using namespace dsk;
using namespace dsk::perf;
using doctest::Approx;

namespace {

KernelSpec gemm(double n, double k, Precision type = Precision::bf16) {
  KernelSpec spec;
  spec.type = type;
  spec.engine = "vllm";
  spec.size = {n, k};
  return spec;
}

// Made at the first use: the built-in documents are not there before main.
const Device& h200() {
  static const Device device = Catalog().device("h200-sxm", "/device");
  return device;
}
const Device& h20() {
  static const Device device = Catalog().device("h20", "/device");
  return device;
}

const char* const header =
    "framework,version,op,kernel,dtype,kv_dtype,gpus,batch,isl,step,heads,kv_heads,head_dim,m,n,k,"
    "message_elems,tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution,latency_ms\n";

std::string gemm_row(const char* m, const char* n, const char* k, const char* ms) {
  return std::string("vllm,0.24.0,gemm,x,bfloat16,,,,,,,,,") + m + "," + n + "," + k +
         ",,,,,,,,,," + ms + "\n";
}

} // namespace

TEST_CASE("every table is whole: axes rise, codes fill the grid, latencies are sane") {
  REQUIRE(fact_tables().size() > 100);
  for (const FactTable& t : fact_tables()) {
    CAPTURE(kernel_op_name(t.op));
    CAPTURE(t.engine);
    REQUIRE(t.codes.size() == t.shape_count() * t.a.size() * t.b.size());
    CHECK(std::is_sorted(t.a.begin(), t.a.end()));
    CHECK(std::is_sorted(t.b.begin(), t.b.end()));
    for (std::size_t size = 0; size < size_classes; ++size)
      CHECK(t.shape_widths.at(size) >= 0.01);
    std::size_t present = 0;
    for (const std::uint16_t code : t.codes)
      present += code != 0;
    CHECK(present * 2 > t.codes.size());
  }
}

TEST_CASE("a measured size is answered as measured") {
  // H200, vLLM 0.24, 16-bit, 4096 x 4096: the first and the last rows of the published table.
  const KernelTimer timer(rates_of(h200()), gemm(4096, 4096));
  const FactTable* table = timer.table();
  REQUIRE(table != nullptr);
  for (std::size_t s = 0; s < table->shape_count(); ++s) {
    if (table->shape(s)[0] != 4096 || table->shape(s)[1] != 4096) continue;
    for (std::size_t i = 0; i < table->a.size(); ++i) {
      const KernelTime time = timer.at(table->a[i], 0);
      // The table's own datasheet rounds the peak a little differently than the catalogue's.
      CHECK(time.us == Approx(std::exp(table->ln_us(s, i, 0))).epsilon(1e-3));
      CHECK(time.origin == Origin::measured);
    }
  }
}

TEST_CASE("between sizes the time lies between, and says that it is interpolated") {
  const Rates rates = rates_of(h200());
  const double small = KernelTimer(rates, gemm(4096, 4096)).at(64, 0).us;
  const double large = KernelTimer(rates, gemm(5120, 5120)).at(64, 0).us;
  const KernelTime between = KernelTimer(rates, gemm(4608, 4608)).at(64, 0);
  CHECK(between.origin == Origin::interpolated);
  CHECK(between.us > small * 0.95);
  CHECK(between.us < large * 1.05);
}

TEST_CASE("the interval widens with distance") {
  const Rates rates = rates_of(h200());
  const double measured = KernelTimer(rates, gemm(4096, 4096)).at(64, 0).error;
  const double near = KernelTimer(rates, gemm(4096, 4608)).at(64, 0).error;
  const double far = KernelTimer(rates, gemm(131072, 64)).at(64, 0).error;
  CHECK(measured < near);
  CHECK(near < far);
  const KernelTime other = KernelTimer(rates_of(h20()), gemm(4096, 4096)).at(64, 0);
  CHECK(other.origin == Origin::transferred);
  CHECK(other.error > near);
}

TEST_CASE("a device without a table: the datasheet carries the time") {
  // H20 has H200's generation, 0.83 of its bandwidth and 0.15 of its compute.
  const double h20_stream = KernelTimer(rates_of(h20()), gemm(16384, 16384)).at(1, 0).us;
  const double h200_stream = KernelTimer(rates_of(h200()), gemm(16384, 16384)).at(1, 0).us;
  CHECK(h20_stream / h200_stream == Approx(4.8 / 4.0).epsilon(0.12));
  const double h20_math = KernelTimer(rates_of(h20()), gemm(8192, 8192)).at(16384, 0).us;
  CHECK(h20_math > 2.0 * 16384 * 8192 * 8192 / 148e6); // not faster than its peak
}

TEST_CASE("held-out shapes are not looked up") {
  Exclusion without;
  without.shape = true;
  const Rates rates = rates_of(h200());
  const KernelTime seen = KernelTimer(rates, gemm(4096, 4096)).at(1024, 0);
  const KernelTime unseen = KernelTimer(rates, gemm(4096, 4096), without).at(1024, 0);
  CHECK(unseen.origin == Origin::interpolated);
  CHECK(unseen.us != seen.us);
  CHECK(unseen.us == Approx(seen.us).epsilon(0.15));
  without = {};
  without.family = "hopper";
  const KernelTimer family(rates, gemm(4096, 4096), without);
  CHECK(family.origin() == Origin::transferred);
  CHECK(fact_devices()[family.table()->device].family != "hopper");
}

TEST_CASE("a left-out device of the same architecture is known better than one of another") {
  Exclusion device;
  device.device = "h200-sxm";
  Exclusion family;
  family.family = "hopper";
  const Rates rates = rates_of(h200());
  KernelSpec spec = gemm(4096, 4096);
  spec.kernel = "-";
  const KernelTime kin = KernelTimer(rates, spec, device).at(16, 0);
  const KernelTime far = KernelTimer(rates, spec, family).at(16, 0);
  CHECK(kin.origin == Origin::transferred);
  CHECK(far.origin == Origin::transferred);
  CHECK(kin.error < far.error);
  // B300 has no table and a family of its own; its kernels are B200's.
  const Device b300 = Catalog().device("b300-sxm", "/device");
  const KernelTimer ultra(rates_of(b300), spec);
  CHECK(fact_devices()[ultra.table()->device].name == "b200-sxm");
}

TEST_CASE("what a kernel takes beyond its bytes is the same time, not the same share, elsewhere") {
  // 32 sequences of 1,024 tokens, 32 heads on 8, 16 bit: 63.9 us on H200 and 67.4 on H100
  // (aiconfigurator 095f58a5), 0.44 and 0.59 of their memory's rate.
  KernelSpec spec;
  spec.op = KernelOp::generation_attention;
  spec.engine = "trtllm";
  spec.size = {32, 8, 128};
  const auto beyond_us = [&](const Rates& rates, const Exclusion& without = {}) {
    const double bytes = kernel_work(spec, 32, 1024).bytes;
    return KernelTimer(rates, spec, without).at(32, 1024).us - bytes / (0.94 * rates.bytes_per_us);
  };
  const double h200_us = beyond_us(rates_of(h200()));
  Exclusion without;
  without.device = "h100-sxm";
  const Device h100 = Catalog().device("h100-sxm", "/device");
  CHECK(beyond_us(rates_of(h100), without) == Approx(h200_us).epsilon(0.03));
  CHECK(KernelTimer(rates_of(h100), spec, without).at(32, 1024).us == Approx(67.4).epsilon(0.15));
  // The same kin at any slower memory.
  Device slow = h100;
  slow.name = "slow";
  slow.bandwidth_gbs = 1000;
  without.device = "h100-sxm";
  CHECK(beyond_us(rates_of(slow), without) == Approx(h200_us).epsilon(0.03));
}

TEST_CASE("a transfer's width: the record of the device, else of the family, else of all") {
  const auto to = [](const Transfer& transfer) {
    return transfer_names()[transfer_widths(transfer).to];
  };
  Transfer transfer{KernelOp::gemm, false, "h200-sxm", "hopper", "vllm"};
  CHECK(to(transfer) == "h200-sxm");
  transfer.device = "h20";
  CHECK(to(transfer) == "hopper");
  transfer.device = "l40s";
  transfer.family = "ada";
  CHECK(to(transfer) == "");
  CHECK_FALSE(transfer_widths(transfer).any_format);
  for (int op = 0; op < kernel_op_count; ++op)
    for (const bool kin : {false, true})
      CHECK(transfer_widths({static_cast<KernelOp>(op), kin, "x", "y", "z", Precision::weight_only})
                .widths.at(0) >= 0.01);
}

TEST_CASE("sizes fall into classes at the limits that are documented") {
  CHECK(size_class(KernelOp::gemm, {2000, 3999}, 64, 0) == 0);
  CHECK(size_class(KernelOp::gemm, {2000, 4000}, 65, 0) == 3);
  CHECK(size_class(KernelOp::gemm, {8000, 8000}, 1, 0) == 4);
  CHECK(size_class(KernelOp::moe, {}, 4096, 0) == 3);
  CHECK(size_class(KernelOp::generation_mla, {128}, 64, 4096) == 2);
  CHECK(size_class(KernelOp::nccl_all_reduce, {8}, 4095, 0) == 0);
  CHECK(std::string(size_class_name(KernelOp::gemm, 5)) == "large/prefill");
}

TEST_CASE("MLA heads that share a tile add in proportion to their number") {
  Exclusion without;
  without.shape = true;
  KernelSpec spec;
  spec.op = KernelOp::generation_mla;
  spec.engine = "trtllm";
  spec.kernel = "default";
  const auto us = [&](double heads, bool left_out) {
    spec.size = {heads};
    return KernelTimer(rates_of(h200()), spec, left_out ? without : Exclusion{}).at(64, 4097).us;
  };
  // One tile: the middle count within a few percent of the line through its neighbours.
  CHECK(us(32, true) == Approx((2 * us(16, false) + us(64, false)) / 3).epsilon(0.02));
  CHECK(us(16, true) ==
        Approx(2 * us(32, false) - (us(16, false) + us(64, false)) / 2).epsilon(0.1));
}

TEST_CASE("rules name the artefacts") {
  TableRow row;
  row.engine = "vllm";
  row.type = Precision::fp8_block;
  CHECK(row_artefact(row) == "host-bound");
  row.type = Precision::bf16;
  CHECK(row_artefact(row) == "");
  row.op = KernelOp::context_mla;
  row.engine = "sglang";
  row.kernel = "flash_attention";
  CHECK(row_artefact(row) == "absorbed-prefill");
  row.op = KernelOp::moe;
  row.expert_ranks = 8;
  CHECK(row_artefact(row) == "remote-slots");
  row.engine = "trtllm";
  CHECK(row_artefact(row) == "");
}

TEST_CASE("bad rows are refused one by one, good ones are scored") {
  const std::string csv = std::string(header) + gemm_row("64", "4096", "4096", "0.0135") +
                          gemm_row("64", "4096", "4096", "nan") +
                          gemm_row("64", "4096", "4096", "") +
                          gemm_row("64", "4096", "", "0.0135") +
                          gemm_row("64", "16384", "16384", "0.001") + // 0.5 GB in a microsecond
                          "vllm,0.24.0,gemm\n";
  const KernelReport report = validate_kernels(csv, h200(), HoldOut::none);
  REQUIRE(report.rows.size() == 6);
  CHECK(report.rows[0].status == "ok");
  CHECK(report.rows[1].status == "refused: latency is nan");
  CHECK(report.rows[2].status == "refused: latency is missing");
  CHECK(report.rows[3].status == "refused: k is missing");
  CHECK(report.rows[4].status == "refused: below half the speed of light");
  CHECK(report.rows[5].status == "refused: 3 fields instead of 26");
  CHECK(report.predictions[0].ms > 0);
  CHECK(report.predictions[1].ms == 0);
  REQUIRE(!report.scores.empty());
  CHECK(report.scores[0].rows == 1);
  const std::string lines = predictions_csv(report);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 7);
}

TEST_CASE("a file of neither schema is refused with the column that it lacks") {
  CHECK_THROWS_WITH_AS(validate_kernels("a,b\n1,2\n", h200(), HoldOut::none),
                       doctest::Contains("source_repo"), Error);
  CHECK_THROWS_AS(validate_kernels("", h200(), HoldOut::none), Error);
}

TEST_CASE("the published schema: one device of many, rates turned into times") {
  const std::string csv =
      "id,source_repo,source_path,source_commit_or_version,gpu,gpus,op,dtype,m,n,k_or_bytes,metric,"
      "value,notes\n"
      "k1,deepseek-ai/DeepGEMM,README.md,78cacf70,H800-SXM-80GB,1,gemm_fp8_dense,fp8,64,2112,7168,"
      "tflops,206.0,bandwidth 1688 GB/s\n"
      "k2,alibaba/InferSim,x,y,H20-96GB,1,mla_decode,bf16,1,1024,128-512-64,latency_us,25.096,"
      "kv_dtype bf16\n";
  const KernelReport report =
      validate_kernels(csv, Catalog().device("h800-sxm", "/device"), HoldOut::none);
  REQUIRE(report.rows.size() == 2);
  CHECK(report.rows[0].measured_ms == Approx(2.0 * 64 * 2112 * 7168 / 206e12 * 1e3));
  CHECK(report.rows[1].status == "not modelled: other device");
  CHECK(validate_kernels(csv, h200(), HoldOut::none).rows[1].status ==
        "not modelled: other device"); // H20 is no H200
}

TEST_CASE("the published schema: grouped products, sparse decode and exchanges") {
  const std::string csv =
      "id,source_repo,source_path,source_commit_or_version,gpu,gpus,op,dtype,m,n,k_or_bytes,metric,"
      "value,notes\n"
      "k1,x,x,x,H800-SXM-80GB,1,grouped_gemm_decode_up_proj,fp8,256,2048,7168,latency_us,2673.0,"
      "\"experts 256, ep ranks 1, local experts 256, topk 8, tokens/expert 8\"\n"
      "k2,x,x,x,H800-SXM-80GB,1,grouped_gemm_decode_down_proj,fp8,256,2048,7168,latency_us,1354.0,"
      "\"experts 256, ep ranks 1, local experts 256, topk 8, tokens/expert 8\"\n"
      "k3,x,x,x,H800-SXM-80GB,1,grouped_gemm_fp8 (contiguous),fp8,8192,4096,7168,tflops,1297.0,"
      "\"groups=4, m per group\"\n"
      "k4,x,x,x,H800-SXM-80GB,8,deepep_normal_dispatch,fp8,4096,7168,,bottleneck_gb_s,153,NVLink\n"
      "k5,x,x,x,H800-SXM-80GB,32,deepep_normal_dispatch,fp8,4096,7168,,bottleneck_gb_s,58,RDMA\n"
      "k6,x,x,x,H800-SXM-80GB,1,dsa_decode,bf16,64,8192,attn-128-576-2048,latency_us,96.3,\n"
      "k7,x,x,x,H800-SXM-80GB,2,nccl_sendrecv,half,,,16777216,latency_us,120.0,\n";
  const KernelReport report =
      validate_kernels(csv, Catalog().device("h800-sxm", "/device"), HoldOut::none);
  REQUIRE(report.rows.size() == 7);
  for (std::size_t i = 0; i < 7; ++i) {
    CAPTURE(report.rows[i].op);
    CAPTURE(report.rows[i].status);
    CHECK(report.rows[i].predicted());
    CHECK(report.predictions[i].ms > 0);
  }
  // Gate and up are two of the three products of an expert.
  CHECK(report.predictions[0].ms == Approx(2 * report.predictions[1].ms));
  CHECK(report.rows[2].measured_ms == Approx(4 * 2.0 * 8192 * 4096 * 7168 / 1297e12 * 1e3));
  // Between nodes the network binds.
  CHECK(report.predictions[4].ms > report.predictions[3].ms);
}
