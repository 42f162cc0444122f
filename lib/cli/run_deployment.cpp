#include "cli/run_deployment.hpp"

#include "cli/command.hpp"

namespace dsk::cli {

JsonValue run_deployment(const JsonValue& meta, const std::string& device_name,
                         const std::string& model_name) {
  JsonValue r = JsonValue::object();
  std::string model = model_name.empty() ? meta["model"].text() : model_name;
  model = model.substr(model.rfind('/') + 1);
  r.set("model", model);
  std::string device = device_name;
  const auto has = [](const JsonValue& object, const char* name) {
    for (const auto& member : object.members())
      if (member.first == name) return !member.second.is_null();
    return false;
  };
  if (device.empty() && has(meta, "hardware")) device = meta["hardware"]["device_name"].text();
  for (const char* brand : {"NVIDIA ", "GeForce "})
    if (device.rfind(brand, 0) == 0) device = device.substr(std::string(brand).size());
  if (device.empty()) throw UsageError("meta.json does not name the device: give --device");
  r.set("device", device);
  r.set("engine", "vllm@" + meta["vllm_version"].text());
  const JsonValue& k = meta["engine_kwargs"];
  JsonValue parallel = JsonValue::object();
  parallel.set("tp", k["tensor_parallel_size"].integer());
  parallel.set("dp", k["data_parallel_size"].integer());
  r.set("parallel", std::move(parallel));
  JsonValue policy = JsonValue::object();
  policy.set("max_sequences", k["max_num_seqs"].integer());
  policy.set("token_budget", k["max_num_batched_tokens"].integer());
  r.set("policy", std::move(policy));
  if (has(meta, "kv_cache") && has(meta["kv_cache"], "num_kv_tokens"))
    r.set("kv_pool_tokens", meta["kv_cache"]["num_kv_tokens"].integer());
  return r;
}

} // namespace dsk::cli
