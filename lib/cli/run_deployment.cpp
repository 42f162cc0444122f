#include "cli/run_deployment.hpp"

#include "cli/command.hpp"
#include "cli/origins.hpp"

namespace dsk::cli {

RunMeta::RunMeta(const std::string& path, const std::string& pointer)
    : path_(path), document_(read_json(path, pointer)) {
  if (document_.kind() != JsonValue::Kind::object)
    throw UsageError(path_ + ": is " + document_.dump().substr(0, 40) + ", must be an object");
}

// The member at a pointer, null as absent.
const JsonValue* RunMeta::find(const std::string& pointer) const {
  const JsonValue* at = &document_;
  for (std::size_t from = 1; from <= pointer.size();) {
    if (at->kind() != JsonValue::Kind::object) return nullptr;
    const std::size_t end = std::min(pointer.find('/', from), pointer.size());
    at = &(*at)[pointer.substr(from, end - from)];
    from = end + 1;
  }
  return at->is_null() ? nullptr : at;
}

const JsonValue& RunMeta::need(const std::string& pointer, JsonValue::Kind kind,
                               const char* kind_name) const {
  const JsonValue* found = find(pointer);
  if (!found) throw UsageError(path_ + ": " + pointer + ": is missing");
  if (found->kind() != kind)
    throw UsageError(path_ + ": " + pointer + ": is " + found->dump().substr(0, 40) + ", must be " +
                     kind_name);
  return *found;
}

std::int64_t RunMeta::integer(const std::string& pointer) const {
  return need(pointer, JsonValue::Kind::number, "a number").integer();
}
std::string RunMeta::text(const std::string& pointer) const {
  return need(pointer, JsonValue::Kind::text, "a text").text();
}

bool RunMeta::names_device() const {
  return find("/hardware/device_name") != nullptr;
}

JsonValue RunMeta::deployment(const std::string& device_name, const std::string& model_name) const {
  JsonValue r = JsonValue::object();
  std::string model = model_name.empty() ? text("/model") : model_name;
  model = model.substr(model.rfind('/') + 1);
  r.set("model", model);
  std::string device = device_name;
  if (device.empty() && names_device()) device = text("/hardware/device_name");
  for (const char* brand : {"NVIDIA ", "GeForce "})
    if (device.rfind(brand, 0) == 0) device = device.substr(std::string(brand).size());
  if (device.empty()) throw UsageError(path_ + ": does not name the device: give --device");
  r.set("device", device);
  r.set("engine", "vllm@" + text("/vllm_version"));
  JsonValue parallel = JsonValue::object();
  parallel.set("tp", integer("/engine_kwargs/tensor_parallel_size"));
  parallel.set("dp", integer("/engine_kwargs/data_parallel_size"));
  r.set("parallel", std::move(parallel));
  JsonValue policy = JsonValue::object();
  policy.set("max_sequences", integer("/engine_kwargs/max_num_seqs"));
  policy.set("token_budget", integer("/engine_kwargs/max_num_batched_tokens"));
  r.set("policy", std::move(policy));
  if (find("/kv_cache/num_kv_tokens")) r.set("kv_pool_tokens", integer("/kv_cache/num_kv_tokens"));
  return r;
}

} // namespace dsk::cli
