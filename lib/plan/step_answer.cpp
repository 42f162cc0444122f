#include "plan/step_answer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "catalog/requantize.hpp"
#include "plan/calibration_note.hpp"
#include "plan/request.hpp"

namespace dsk::plan {
namespace {

// Owns what a perf::Deployment points to.
struct Subject {
  Model model;
  Device device;
  Engine engine;
  perf::Deployment deployment;

  perf::Deployment whole() const {
    perf::Deployment d = deployment;
    d.model = &model;
    d.device = &device;
    d.engine = &engine;
    return d;
  }
  perf::StepModel prepare() const { return perf::StepModel(whole()); }
};

perf::Parallel read_parallel(Reader& request) {
  perf::Parallel parallel;
  if (auto r = request.optional_object("parallel")) {
    parallel.tp = static_cast<int>(r->integer("tp", 1, 4096, 1));
    parallel.pp = static_cast<int>(r->integer("pp", 1, 1024, 1));
    parallel.dp = static_cast<int>(r->integer("dp", 1, 4096, 1));
    parallel.ep = static_cast<int>(r->integer("ep", 1, 4096, 1));
    r->done();
  }
  return parallel;
}

Subject read_subject(Reader& r, const Json& document, const Catalog& base) {
  std::optional<Catalog> own;
  const Catalog& catalog = request_catalog(document, base, own);
  r.find("catalog");
  r.integer("schema", 1, 1, 1);
  Subject s;
  s.model = requantized(read_model(r.require("model"), "/model", catalog),
                        r.text("weights", "checkpoint"), "/weights");
  s.device = catalog.device(r.text("device"), "/device");
  const std::string engine = r.text("engine", "vllm");
  const auto at = engine.find('@');
  s.engine = catalog.engine(engine.substr(0, at),
                            at == std::string::npos ? "" : engine.substr(at + 1), "/engine");
  s.deployment.parallel = read_parallel(r);
  perf::check_parallel(s.model, s.deployment.parallel, "/parallel");
  s.deployment.kv_element =
      r.has("kv") ? read_kv_element(r.text("kv"), "/kv") : perf::default_kv_element(s.model);
  s.deployment.redundant_experts = static_cast<int>(r.integer("redundant_experts", 0, 4096, 0));
  if (r.has("expert_dispatch")) {
    const std::string name = r.choice("expert_dispatch", {"skipped", "masked", "executed"});
    s.deployment.expert_dispatch = name == "skipped"  ? perf::ExpertDispatch::skipped
                                   : name == "masked" ? perf::ExpertDispatch::masked
                                                      : perf::ExpertDispatch::executed;
  }
  s.deployment.mtp_tokens = static_cast<int>(r.integer("mtp_tokens", 0, 16, 0));
  return s;
}

perf::Batch read_batch(Reader r) {
  perf::Batch batch;
  constexpr std::int64_t most = std::int64_t{1} << 40;
  batch.decode_sequences = r.integer("decode_sequences", 0, std::int64_t{1} << 20, 0);
  if (batch.decode_sequences > 0) {
    batch.kv_sum = r.integer("kv_sum", 1, most);
    const std::int64_t mean = (batch.kv_sum + batch.decode_sequences - 1) / batch.decode_sequences;
    batch.kv_max = r.integer("kv_max", 1, most, mean);
  }
  for (const Json* item : r.array("prefill", 4)) {
    Reader chunk(*item,
                 json::pointer(r.path_of("prefill"), static_cast<std::size_t>(batch.chunks)));
    batch.prefill[static_cast<std::size_t>(batch.chunks++)] = {
        chunk.integer("new_tokens", 1, most), chunk.integer("context", 0, most, 0)};
    chunk.done();
  }
  r.done();
  return batch;
}

double us(double value) {
  return json::significant(value, 6);
}

Json time_json(const perf::StepTime& t) {
  Json out;
  out["total_us"] = us(t.total_us);
  out["low_us"] = us(t.low_us);
  out["high_us"] = us(t.high_us);
  Json& parts = out["parts_us"];
  parts["compute"] = us(t.compute_us);
  parts["memory"] = us(t.memory_us);
  parts["scale_up"] = us(t.scale_up_us);
  parts["scale_out"] = us(t.scale_out_us);
  parts["launch"] = us(t.launch_us);
  parts["host"] = us(t.host_us);
  out["binding"] = perf::resource_name(t.binding);
  out["communication_share"] = json::significant(t.communication_share(), 4);
  return out;
}

Json part_json(const perf::StepPart& p, const std::string& calibration) {
  Json out;
  out["name"] = p.name;
  out["runs"] = p.runs;
  out["rows"] = json::significant(p.rows, 6);
  out["us"] = us(p.us);
  out["error_us"] = us(p.error_us);
  out["flops"] = json::significant(p.flops, 6);
  out["bytes"] = json::significant(p.bytes, 6);
  out["link_bytes"] = json::significant(p.link_bytes, 6);
  out["resource"] = perf::resource_name(p.resource);
  out["origin"] = perf::origin_name(p.origin);
  if (p.calibrated) out["calibration"] = calibration;
  return out;
}

// A change of the deployment, and the sentence that says what it is.
struct Variant {
  std::string name;
  std::string meaning;
  Subject subject;
};

Link pcie4_x16(const Device& device) {
  Link link = device.scale_up;
  link.kind = "pcie4";
  link.lanes = 16;
  link.bandwidth_gbs = 32;
  link.domain = std::max(device.per_node, 2);
  return link;
}

std::vector<Variant> variants_of(const Subject& base) {
  std::vector<Variant> variants;
  const int group = base.deployment.parallel.tp * base.deployment.parallel.dp;
  const bool nvlink = base.device.scale_up.kind.rfind("nvlink", 0) == 0;
  if (group > 1) {
    Variant faster{"link x2", "twice the bandwidth between the devices of a domain", base};
    faster.subject.device.scale_up.bandwidth_gbs *= 2;
    variants.push_back(std::move(faster));
    Variant other{nvlink ? "PCIe 4.0 x16" : "NVLink 3",
                  nvlink ? "32 GB/s each way instead of NVLink" : "300 GB/s each way", base};
    if (nvlink)
      other.subject.device.scale_up = pcie4_x16(base.device);
    else {
      other.subject.device.scale_up.kind = "nvlink3";
      other.subject.device.scale_up.bandwidth_gbs = 300;
    }
    variants.push_back(std::move(other));
  }
  if (base.device.dense_peak(Element::fp8) > 0 &&
      base.model.quantization.default_format.element != Element::fp8) {
    Variant fp8{"fp8 weights", "weights and their products in fp8, one scale a channel", base};
    fp8.subject.model = requantized(base.model, "fp8", "/weights");
    variants.push_back(std::move(fp8));
  }
  Variant wider{"tp x2", "twice the tensor-parallel width", base};
  wider.subject.deployment.parallel.tp *= 2;
  variants.push_back(std::move(wider));
  Variant sparse{"2:4 sparsity",
                 "every product at the sparse peak of the datasheet: an upper bound", base};
  bool has_sparse = false;
  for (std::size_t e = 0; e < element_count; ++e)
    if (base.device.sparse_tflops[e] > base.device.dense_tflops[e]) {
      sparse.subject.device.dense_tflops[e] = base.device.sparse_tflops[e];
      has_sparse = true;
    }
  if (has_sparse) variants.push_back(std::move(sparse));
  return variants;
}

// Time of the same work on one device over n times the time on n: what splitting costs.
std::optional<double> scaling_efficiency(const Subject& base, const perf::Batch& batch,
                                         double total_us) {
  const perf::Parallel& p = base.deployment.parallel;
  if (p.tp <= 1 || p.dp > 1 || p.pp > 1) return std::nullopt;
  Subject one = base;
  one.deployment.parallel = {};
  return one.prepare().step(batch).total_us / (p.tp * total_us);
}

} // namespace

perf::StepModel step_model_of(const Json& request, const Catalog& catalog) {
  Reader r(request, "");
  const Subject subject = read_subject(r, request, catalog);
  r.find("batch");
  r.done();
  return subject.prepare();
}

Json explain_step(const Json& request, const Catalog& catalog) {
  Reader r(request, "");
  const Subject subject = read_subject(r, request, catalog);
  const perf::Batch batch = read_batch(r.object("batch"));
  r.done();
  const perf::StepModel model = subject.prepare();
  model.check(batch, "/batch");
  const perf::StepTime time = model.step(batch);

  Json answer;
  answer["schema"] = 1;
  answer["model"] = subject.model.name;
  answer["device"] = subject.device.name;
  answer["engine"] = subject.engine.name;
  answer["engine_version"] = subject.engine.version;
  const perf::Parallel& p = subject.deployment.parallel;
  answer["parallel"] = {{"tp", p.tp}, {"pp", p.pp}, {"dp", p.dp}, {"ep", p.ep}};
  answer["step"] = time_json(time);
  if (const auto efficiency = scaling_efficiency(subject, batch, time.total_us))
    answer["scaling_efficiency"] = json::significant(*efficiency, 4);
  std::string calibration;
  if (is_calibrated(subject.whole())) {
    answer["calibration"] = calibration_json(subject.whole(), model, batch);
    calibration = answer["calibration"]["name"];
  }
  answer["operators"] = Json::array();
  std::vector<perf::StepPart> parts = model.explain(batch);
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.us > b.us; });
  for (const perf::StepPart& part : parts)
    answer["operators"].push_back(part_json(part, calibration));
  answer["variants"] = Json::array();
  for (const Variant& variant : variants_of(subject)) {
    Json entry;
    entry["name"] = variant.name;
    entry["meaning"] = variant.meaning;
    try {
      const perf::StepTime changed = variant.subject.prepare().step(batch);
      entry["step"] = time_json(changed);
      entry["change"] = json::significant(changed.total_us / time.total_us - 1, 4);
      // Of the same devices: how much of a step is not spent on links.
      if (const auto efficiency = scaling_efficiency(variant.subject, batch, changed.total_us))
        entry["scaling_efficiency"] = json::significant(*efficiency, 4);
    } catch (const Error& e) { // a width that does not divide the model, a format it lacks
      entry["not_possible"] = e.what();
    }
    answer["variants"].push_back(std::move(entry));
  }
  return answer;
}

} // namespace dsk::plan
