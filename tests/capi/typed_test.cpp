// dsk.hpp as a C++17 program uses it: typed requests and answers, exceptions, ownership.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "dsk/dsk.hpp"

namespace {

int failures = 0;

void check(bool holds, const char* what, int line) {
  if (holds) return;
  std::printf("%s:%d: %s does not hold\n", __FILE__, line, what);
  ++failures;
}
#define CHECK(condition) check((condition), #condition, __LINE__)

dsk::PlanRequest r1() {
  dsk::PlanRequest request;
  request.model.name = "deepseek-r1";
  request.devices = {"h200-sxm", "b200"};
  request.workload = dsk::open_loop(4, 2048, 512);
  request.slo.ttft_ms = 3000;
  request.slo.tpot_ms = 60;
  return request;
}

void answers_are_typed() {
  const dsk::Plan plan(r1());
  const dsk::PlanAnswer answer = plan.answer();
  CHECK(answer.feasible);
  CHECK(answer.best.has_value());
  CHECK(answer.by_device.size() == 2);
  CHECK(!answer.pareto.empty());
  CHECK(answer.best->gpus == answer.best->replicas * answer.best->gpus_per_replica);
  CHECK(answer.best->cost && answer.best->cost->usd_per_hour > 0);
  CHECK(answer.provenance.catalog_sha256.size() == 64);
  const dsk_plan_info info = plan.info();
  CHECK(info.gpus == static_cast<std::uint32_t>(answer.best->gpus));
  CHECK(plan.emit(DSK_EMIT_TABLE).find("deepseek-r1") != std::string::npos);
}

void infeasible_says_why() {
  dsk::PlanRequest request = r1();
  request.slo.tpot_ms = 0.5;
  const dsk::PlanAnswer answer = dsk::Plan(request).answer();
  CHECK(!answer.feasible);
  CHECK(!answer.best);
  CHECK(answer.nearest.has_value());
  CHECK(answer.explanation && answer.explanation->binding.front() == "tpot_ms");
  CHECK(!answer.explanation->relax.empty() && answer.explanation->relax[0].plan.has_value());
  CHECK(!answer.explanation->sentence.empty());
}

void errors_have_a_path() {
  dsk::PlanRequest request = r1();
  request.devices = {"h2000"};
  try {
    dsk::Plan plan(request);
    CHECK(false);
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_NOT_FOUND);
    CHECK(e.path() == "/devices/0");
    CHECK(e.where() == "dsk_plan_create");
  }
  try {
    request.model = dsk::model_from_config("mine", "{\"a\":");
    CHECK(false);
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_INVALID_REQUEST);
    CHECK(e.path() == "/model/config");
  }
}

void plans_are_shared_and_cancelled() {
  dsk::Cancel cancel;
  dsk::Plan first(r1(), cancel);
  const auto [done, total] = cancel.progress();
  CHECK(done == total && total > 0);
  const dsk::Plan second = first; // the same plan
  CHECK(first.get() == second.get());
  std::thread([&] { CHECK(second.to_json() == first.to_json()); }).join();
  cancel.set();
  try {
    dsk::Plan stopped(r1(), cancel);
    CHECK(false);
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_CANCELLED);
  }
}

void placement_is_typed() {
  const dsk::PlanRequest request = r1();
  const dsk::Plan plan(request);
  dsk::FitRequest inventory;
  inventory.replicas = 1;
  for (const char* name : {"a", "b"}) {
    dsk::FitNode node;
    node.name = name;
    node.device = plan.answer().best->device;
    node.gpus = 8;
    inventory.nodes.push_back(node);
  }
  inventory.nodes[0].free_gpus.emplace();
  inventory.nodes[1].nvlink_islands = {{0, 1, 2, 3}, {4, 5, 6, 7}};
  inventory.nodes[1].free_cpus = 1000;
  const dsk::FitAnswer answer = plan.fit(inventory);
  CHECK(answer.fits && answer.replicas_placed == 1);
  CHECK(answer.needs.gpus == plan.info().gpus_per_replica);
  CHECK(answer.replicas[0].pods[0].node == "b");
  CHECK(static_cast<std::int64_t>(answer.nodes[1].gpus.size()) == answer.needs.gpus);
  CHECK(!answer.nodes[0].fits && answer.nodes[0].reasons[0].code == "free_gpus");
  CHECK(answer.nodes[0].reasons[0].have == 0);
}

void requests_say_what_was_set() {
  dsk::PlanRequest request;
  request.model.params_b = 8;
  request.devices = {"h200-sxm"};
  request.workload = dsk::closed_loop(4, 100, 10);
  request.search.tp = {1, 2};
  CHECK(request.to_json() ==
        "{\"schema\":1,\"model\":{\"params_b\":8},\"devices\":[\"h200-sxm\"],\"workload\":{\"input_"
        "tokens\":100,\"output_tokens\":10,\"concurrency\":4},\"search\":{\"tp\":[1,2]}}");
  CHECK(dsk::Plan(request).answer().model.weights == "bf16");
}

void memory_cost_and_steps_are_typed() {
  dsk::MemoryRequest request;
  request.model.name = "deepseek-r1";
  request.device = "h200-sxm";
  request.parallel.tp = 8;
  const dsk::MemoryAnswer memory = dsk::memory(request);
  CHECK(memory.fits && !memory.terms.empty() && memory.device.memory_bytes > 0);
  dsk::CostRequest money;
  money.device = "h200-sxm";
  money.devices = 8;
  CHECK(dsk::cost(money).devices == 8);
  dsk::StepRequest step;
  step.model.name = "deepseek-r1";
  step.device = "h200-sxm";
  step.parallel.tp = 8;
  dsk_plan_batch batch = DSK_PLAN_BATCH_INIT;
  batch.decode_sequences = 1;
  batch.kv_sum_tokens = batch.kv_max_tokens = 100;
  CHECK(dsk::StepModel(step).step(batch).total_us > 0);
}

void simulations_are_typed() {
  dsk::SimulateRequest request;
  request.model.name = "llama-3.1-8b";
  request.device = "h100-sxm";
  request.engine = "vllm";
  request.workload.requests = 40;
  request.workload.concurrency = 4;
  request.workload.input = dsk::JsonValue(512);
  request.workload.output = dsk::JsonValue(32);
  const dsk::Simulation run = dsk::simulate(request, nullptr, 100);
  CHECK(run.answer.stopped == "finished");
  CHECK(run.answer.requests.completed == 40);
  CHECK(run.series.size() == 40);
  CHECK(run.answer.ttft_ms.p99 >= run.answer.ttft_ms.p50);
  CHECK(!run.answer.slo);
}

void json_values_round_trip() {
  const char* text = "{\"a\":[1,2.5,-3e2,true,null],\"b\":\"\\u00e9 \\ud83d\\ude80 \\n\"}";
  const dsk::JsonValue value = dsk::JsonValue::parse(text);
  CHECK(value["b"].text() == "\xc3\xa9 \xf0\x9f\x9a\x80 \n");
  CHECK(value["a"].items()[2].number() == -300);
  CHECK(dsk::JsonValue::parse(value.dump()).dump() == value.dump());
  CHECK(value["missing"].is_null());
  for (const char* broken : {"", "{", "[1,", "{\"a\"}", "tru", "\"x", "[1] 2", "01", "1-2", "+1",
                             ".5", "1.", "1e", "-", "nan", "\"\\ud83dx\"", "\"\\ud83d\\u0041\""}) {
    try {
      (void)dsk::JsonValue::parse(broken);
      CHECK(false);
    } catch (const std::invalid_argument&) {
    }
  }
  try {
    (void)dsk::JsonValue::parse("{\"a\": 1,\n \"b\" 2}");
    CHECK(false);
  } catch (const std::invalid_argument& e) {
    CHECK(std::string(e.what()) == "not valid JSON at line 2, column 6: : was expected");
  }
  // Numbers that a 64-bit integer does not hold.
  CHECK(dsk::JsonValue::parse("1e30").integer() == INT64_MAX);
  CHECK(dsk::JsonValue::parse("-9223372036854775809").integer() == INT64_MIN);
  CHECK(dsk::JsonValue::parse("1e400").number() > 1e308);
  CHECK(dsk::JsonValue(1e300).number() == 1e300);
}

} // namespace

int main() {
  const std::uint64_t alive = dsk_live_objects();
  dsk::check_abi();
  answers_are_typed();
  infeasible_says_why();
  errors_have_a_path();
  plans_are_shared_and_cancelled();
  placement_is_typed();
  simulations_are_typed();
  requests_say_what_was_set();
  memory_cost_and_steps_are_typed();
  json_values_round_trip();
  CHECK(dsk::catalog_names(DSK_CATALOG_ENGINE).size() >= 4);
  CHECK(
      dsk::JsonValue::parse(dsk::catalog_record(DSK_CATALOG_MODEL, "DeepSeek R1"))["name"].text() ==
      "deepseek-r1");
  CHECK(dsk_live_objects() == alive);
  return failures ? 1 : 0;
}
