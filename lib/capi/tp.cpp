#include "dsk/tp.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "backend/loader.hpp"
#include "base/environment.hpp"
#include "capi/guard.hpp"
#include "tp/runner.hpp"
#include "tp/safetensors.hpp"

using dsk::Error;
using dsk::capi::Counted;
using dsk::capi::guard;
using dsk::capi::require;
namespace tp = dsk::tp;

struct dsk_tp_device : Counted {
  std::shared_ptr<tp::Device> object;
};
struct dsk_tp_comm : Counted {
  std::shared_ptr<tp::Comm> object;
};
struct dsk_tp_group : Counted {
  std::unique_ptr<tp::Group> object;
};
struct dsk_tp_linear : Counted {
  std::shared_ptr<tp::Plan> object;
};
struct dsk_tp_mlp : Counted {
  std::shared_ptr<tp::Plan> object;
};
struct dsk_tp_graph : Counted {
  std::unique_ptr<tp::Graph> object;
};
struct dsk_tp_weights : Counted {
  std::unique_ptr<tp::SafeTensors> object;
};
struct dsk_tp_tuning : Counted {
  std::unique_ptr<tp::Tuning> object;
};

namespace {

template <class Handle, class Object> Handle* wrap(Object object) {
  auto handle = std::make_unique<Handle>();
  handle->object = std::move(object);
  return handle.release();
}

/// What both sides know of a struct; a larger one must end in zeros.
template <class T> T read_struct(const T* given, const char* name) {
  require(given, name);
  T out{};
  const std::uint32_t size = given->struct_size;
  if (size < sizeof(std::uint32_t))
    throw Error(DSK_STATUS_INVALID_ARGUMENT, std::string(name) + ".struct_size is " +
                                                 std::to_string(size) +
                                                 "; set it with the _INIT macro");
  std::memcpy(&out, given, std::min<std::size_t>(size, sizeof(T)));
  const auto* tail = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < size; ++i)
    if (tail[i] != 0)
      throw Error(DSK_STATUS_UNSUPPORTED,
                  std::string(name) +
                      " asks for something that this version of the library does not know");
  return out;
}

template <class T> void write_struct(const T& value, T* out, const char* name) {
  require(out, name);
  const std::uint32_t size = out->struct_size;
  if (size < sizeof(std::uint32_t))
    throw Error(DSK_STATUS_INVALID_ARGUMENT, std::string(name) + ".struct_size is " +
                                                 std::to_string(size) +
                                                 "; set it with the _INIT macro");
  std::memcpy(out, &value, std::min<std::size_t>(size, sizeof(T)));
  out->struct_size = size;
}

template <std::size_t N> void copy_text(char (&to)[N], const char* from) {
  std::size_t i = 0;
  for (; i + 1 < N && from[i]; ++i)
    to[i] = from[i];
  to[i] = '\0';
}

std::string_view text(const char* bytes, std::size_t len, const char* name) {
  require(bytes, name);
  return {bytes, len};
}

tp::CommOptions comm_options(const dsk_tp_comm_options* options) {
  tp::CommOptions out;
  if (!options) return out;
  const dsk_tp_comm_options given = read_struct(options, "options");
  if (given.transport < DSK_TP_TRANSPORT_AUTO || given.transport > DSK_TP_TRANSPORT_VENDOR)
    throw Error(DSK_STATUS_INVALID_ARGUMENT, "options.transport is " +
                                                 std::to_string(given.transport) +
                                                 "; allowed are 0 (auto), 1 (peer) and 2 (vendor)");
  out.transport = static_cast<dsk_backend_transport>(given.transport);
  if (given.timeout_ms) out.timeout_ms = std::min<std::uint64_t>(given.timeout_ms, 86400000);
  if (given.max_bytes)
    out.max_bytes = std::min<std::uint64_t>(given.max_bytes, std::uint64_t{1} << 30);
  return out;
}

void check_rank(std::uint32_t world, std::uint32_t rank) {
  if (world == 0 || world > DSK_TP_MAX_RANKS)
    throw Error(DSK_STATUS_INVALID_ARGUMENT, "world is " + std::to_string(world) +
                                                 "; allowed is 1 to " +
                                                 std::to_string(DSK_TP_MAX_RANKS));
  if (rank >= world)
    throw Error(DSK_STATUS_INVALID_ARGUMENT,
                "rank is " + std::to_string(rank) + " in a world of " + std::to_string(world));
}

std::vector<std::shared_ptr<tp::Comm>> comm_list(dsk_tp_comm* const* comms, std::uint32_t count) {
  require(comms, "comms");
  if (count == 0 || count > DSK_TP_MAX_RANKS)
    throw Error(DSK_STATUS_INVALID_ARGUMENT, "count is " + std::to_string(count) +
                                                 "; allowed is 1 to " +
                                                 std::to_string(DSK_TP_MAX_RANKS));
  std::vector<std::shared_ptr<tp::Comm>> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    require(comms[i], "an entry of comms");
    out.push_back(comms[i]->object);
  }
  return out;
}

/// Linear and MLP handles hold the same kind of plan.
template <class Handle>
dsk_status plan_info(const Handle* plan, dsk_tp_plan_info* out, dsk_error** error,
                     const char* where) {
  return guard(error, where, [&] {
    require(plan, "plan");
    write_struct(plan->object->info(), out, "out");
  });
}
template <class Handle>
dsk_status plan_enqueue(Handle* plan, const dsk_tp_args* args, void* stream, dsk_error** error,
                        const char* where) {
  return guard(error, where, [&] {
    require(plan, "plan");
    tp::enqueue(plan->object, read_struct(args, "args"), stream);
  });
}
/// Makes a plan by `make` (of tp::Plan) from its description.
template <class Handle, class Desc, class Make>
dsk_status plan_create(dsk_tp_comm* comm, const Desc* desc, Handle** out, dsk_error** error,
                       const char* where, Make make) {
  return guard(error, where, [&] {
    require(comm, "comm");
    require(out, "out");
    *out = nullptr;
    const Desc given = read_struct(desc, "desc");
    comm->object->require_usable();
    *out = wrap<Handle>(
        make(comm->object, given, given.tuning ? given.tuning->object.get() : nullptr));
  });
}

} // namespace

extern "C" {

/* -------------------------------------------------------------------- device */

dsk_status dsk_tp_device_create(const char* backend, size_t backend_len, uint32_t ordinal,
                                dsk_tp_device** out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out = wrap<dsk_tp_device>(tp::Device::open(text(backend, backend_len, "backend"), ordinal));
  });
}

void dsk_tp_device_destroy(dsk_tp_device* device) {
  delete device;
}

dsk_status dsk_tp_device_get_info(const dsk_tp_device* device, dsk_tp_device_info* out,
                                  dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    const tp::Device& object = *device->object;
    dsk_tp_device_info info{};
    info.multiprocessors = object.info().multiprocessors;
    info.compute_major = object.info().compute_major;
    info.compute_minor = object.info().compute_minor;
    info.memory_bytes = object.info().memory_bytes;
    copy_text(info.backend, object.api().name);
    copy_text(info.name, object.info().name);
    copy_text(info.uuid, object.info().uuid);
    copy_text(info.driver_version, object.probe().driver_version);
    copy_text(info.blas_version, object.probe().blas_version);
    copy_text(info.collective_version, object.probe().collective_version);
    write_struct(info, out, "out");
  });
}

dsk_status dsk_tp_device_memory_create(dsk_tp_device* device, uint64_t bytes, void** out,
                                       dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    require(out, "out");
    *out = nullptr;
    const tp::Device& object = *device->object;
    dsk_backend_error failure{};
    dsk::backend::check(object.api().memory_alloc(object.handle(), bytes, out, &failure), failure,
                        "");
  });
}

void dsk_tp_device_memory_destroy(dsk_tp_device* device, void* memory) {
  if (device && memory) device->object->api().memory_free(device->object->handle(), memory);
}

dsk_status dsk_tp_device_memory_set(dsk_tp_device* device, void* to, const void* from,
                                    uint64_t bytes, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    if (bytes == 0) return;
    require(to, "to");
    require(from, "from");
    const tp::Device& object = *device->object;
    dsk_backend_error failure{};
    dsk::backend::check(object.api().memory_copy(object.handle(), to, from, bytes, &failure),
                        failure, "");
  });
}

dsk_status dsk_tp_stream_create(dsk_tp_device* device, void** out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    require(out, "out");
    *out = nullptr;
    const tp::Device& object = *device->object;
    dsk_backend_error failure{};
    dsk::backend::check(object.api().stream_create(object.handle(), out, &failure), failure, "");
  });
}

void dsk_tp_stream_destroy(dsk_tp_device* device, void* stream) {
  if (device && stream) device->object->api().stream_destroy(device->object->handle(), stream);
}

/* -------------------------------------------------------------- communicators */

dsk_status dsk_tp_comm_create_local(dsk_tp_device* const* devices, uint32_t world,
                                    const dsk_tp_comm_options* options, dsk_tp_comm** out,
                                    dsk_error** error) {
  return guard(error, __func__, [&] {
    require(devices, "devices");
    require(out, "out");
    check_rank(world, 0);
    std::vector<std::shared_ptr<tp::Device>> objects;
    for (std::uint32_t r = 0; r < world; ++r) {
      out[r] = nullptr;
      require(devices[r], "an entry of devices");
      objects.push_back(devices[r]->object);
    }
    auto comms = tp::Comm::create_local(objects, comm_options(options));
    std::vector<std::unique_ptr<dsk_tp_comm>> handles;
    for (auto& comm : comms)
      handles.emplace_back(wrap<dsk_tp_comm>(std::move(comm)));
    for (std::uint32_t r = 0; r < world; ++r)
      out[r] = handles[r].release();
  });
}

dsk_status dsk_tp_unique_id_create(dsk_tp_device* device, dsk_tp_unique_id* out,
                                   dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    require(out, "out");
    const tp::Device& object = *device->object;
    dsk_backend_error failure{};
    dsk::backend::check(object.api().comm_unique_id(object.handle(), out->bytes, &failure), failure,
                        "");
  });
}

dsk_status dsk_tp_comm_create(dsk_tp_device* device, const dsk_tp_unique_id* id, uint32_t world,
                              uint32_t rank, const dsk_tp_comm_options* options, dsk_tp_comm** out,
                              dsk_error** error) {
  return guard(error, __func__, [&] {
    require(device, "device");
    require(id, "id");
    require(out, "out");
    *out = nullptr;
    check_rank(world, rank);
    *out = wrap<dsk_tp_comm>(
        tp::Comm::create(device->object, id->bytes, world, rank, comm_options(options)));
  });
}

dsk_status dsk_tp_comm_create_from_env(const char* backend, size_t backend_len,
                                       const dsk_tp_comm_options* options, dsk_tp_comm** out,
                                       dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    const tp::Launch launch =
        tp::read_launch([](const char* name) { return dsk::environment(name); });
    *out = wrap<dsk_tp_comm>(tp::Comm::create_from_launch(text(backend, backend_len, "backend"),
                                                          launch, comm_options(options)));
  });
}

dsk_status dsk_tp_comm_get_info(const dsk_tp_comm* comm, dsk_tp_comm_info* out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(comm, "comm");
    const tp::Comm& object = *comm->object;
    dsk_tp_comm_info info{};
    info.world = object.world();
    info.rank = object.rank();
    info.lost_rank = object.lost_rank();
    info.aborted = object.aborted();
    copy_text(info.transport, object.transport());
    write_struct(info, out, "out");
  });
}

dsk_status dsk_tp_comm_wait(dsk_tp_comm* comm, void* stream, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(comm, "comm");
    comm->object->wait(stream);
  });
}

void dsk_tp_comm_abort(dsk_tp_comm* comm) {
  if (comm) comm->object->abort();
}

void dsk_tp_comm_destroy(dsk_tp_comm* comm) {
  delete comm;
}

dsk_status dsk_tp_group_begin(dsk_tp_comm* const* comms, uint32_t count, dsk_tp_group** out,
                              dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out = wrap<dsk_tp_group>(std::make_unique<tp::Group>(comm_list(comms, count)));
  });
}

dsk_status dsk_tp_group_end(dsk_tp_group* group, dsk_error** error) {
  const std::unique_ptr<dsk_tp_group> owned(group);
  return guard(error, __func__, [&] {
    require(group, "group");
    group->object->run();
  });
}

/* -------------------------------------------------------------------- weights */

dsk_status dsk_tp_weights_create(const char* path, size_t path_len, dsk_tp_weights** out,
                                 dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out = wrap<dsk_tp_weights>(
        std::make_unique<tp::SafeTensors>(std::string(text(path, path_len, "path"))));
  });
}

void dsk_tp_weights_destroy(dsk_tp_weights* weights) {
  delete weights;
}

uint64_t dsk_tp_weights_count(const dsk_tp_weights* weights) {
  return weights ? weights->object->names().size() : 0;
}

const char* dsk_tp_weights_get_name(const dsk_tp_weights* weights, uint64_t index) {
  if (!weights || index >= weights->object->names().size()) return nullptr;
  return weights->object->names()[index].c_str();
}

dsk_status dsk_tp_weights_get(const dsk_tp_weights* weights, const char* prefix, size_t prefix_len,
                              dsk_tp_weight* out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(weights, "weights");
    write_struct(weights->object->weight(text(prefix, prefix_len, "prefix")), out, "out");
  });
}

/* --------------------------------------------------------------------- tuning */

dsk_status dsk_tp_tuning_create(const char* json, size_t json_len, dsk_tp_tuning** out,
                                dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out = wrap<dsk_tp_tuning>(json ? std::make_unique<tp::Tuning>(std::string_view(json, json_len))
                                    : std::make_unique<tp::Tuning>());
  });
}

dsk_status dsk_tp_tuning_to_json(const dsk_tp_tuning* tuning, char** out, size_t* out_len,
                                 dsk_error** error) {
  return guard(error, __func__, [&] {
    require(tuning, "tuning");
    require(out, "out");
    *out = nullptr;
    dsk::capi::give_text(tuning->object->to_json(), out, out_len);
  });
}

uint64_t dsk_tp_tuning_count(const dsk_tp_tuning* tuning) {
  return tuning ? tuning->object->size() : 0;
}

void dsk_tp_tuning_destroy(dsk_tp_tuning* tuning) {
  delete tuning;
}

/* ---------------------------------------------------------------------- plans */

dsk_status dsk_tp_linear_create(dsk_tp_comm* comm, const dsk_tp_linear_desc* desc,
                                dsk_tp_linear** out, dsk_error** error) {
  return plan_create(comm, desc, out, error, __func__, tp::Plan::linear);
}

dsk_status dsk_tp_linear_get_info(const dsk_tp_linear* plan, dsk_tp_plan_info* out,
                                  dsk_error** error) {
  return plan_info(plan, out, error, __func__);
}

dsk_status dsk_tp_linear_enqueue(dsk_tp_linear* plan, const dsk_tp_args* args, void* stream,
                                 dsk_error** error) {
  return plan_enqueue(plan, args, stream, error, __func__);
}

void dsk_tp_linear_destroy(dsk_tp_linear* plan) {
  delete plan;
}

dsk_status dsk_tp_mlp_create(dsk_tp_comm* comm, const dsk_tp_mlp_desc* desc, dsk_tp_mlp** out,
                             dsk_error** error) {
  return plan_create(comm, desc, out, error, __func__, tp::Plan::mlp);
}

dsk_status dsk_tp_mlp_get_info(const dsk_tp_mlp* plan, dsk_tp_plan_info* out, dsk_error** error) {
  return plan_info(plan, out, error, __func__);
}

dsk_status dsk_tp_mlp_enqueue(dsk_tp_mlp* plan, const dsk_tp_args* args, void* stream,
                              dsk_error** error) {
  return plan_enqueue(plan, args, stream, error, __func__);
}

void dsk_tp_mlp_destroy(dsk_tp_mlp* plan) {
  delete plan;
}

/* --------------------------------------------------------------------- graphs */

dsk_status dsk_tp_graph_create(dsk_tp_comm* const* comms, uint32_t count, dsk_tp_graph** out,
                               dsk_error** error) {
  return guard(error, __func__, [&] {
    require(out, "out");
    *out = nullptr;
    *out = wrap<dsk_tp_graph>(std::make_unique<tp::Graph>(comm_list(comms, count)));
  });
}

dsk_status dsk_tp_graph_add_linear(dsk_tp_graph* graph, dsk_tp_linear* plan,
                                   const dsk_tp_args* args, uint64_t* step_out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    require(plan, "plan");
    const std::uint64_t step = graph->object->add(plan->object, read_struct(args, "args"));
    if (step_out) *step_out = step;
  });
}

dsk_status dsk_tp_graph_add_mlp(dsk_tp_graph* graph, dsk_tp_mlp* plan, const dsk_tp_args* args,
                                uint64_t* step_out, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    require(plan, "plan");
    const std::uint64_t step = graph->object->add(plan->object, read_struct(args, "args"));
    if (step_out) *step_out = step;
  });
}

dsk_status dsk_tp_graph_capture(dsk_tp_graph* graph, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    graph->object->capture();
  });
}

dsk_status dsk_tp_graph_set(dsk_tp_graph* graph, uint64_t step, const dsk_tp_args* args,
                            dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    graph->object->set(step, read_struct(args, "args"));
  });
}

dsk_status dsk_tp_graph_replay(dsk_tp_graph* graph, void* stream, dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    graph->object->replay(stream);
  });
}

dsk_status dsk_tp_graph_get_info(const dsk_tp_graph* graph, dsk_tp_graph_info* out,
                                 dsk_error** error) {
  return guard(error, __func__, [&] {
    require(graph, "graph");
    write_struct(graph->object->info(), out, "out");
  });
}

void dsk_tp_graph_destroy(dsk_tp_graph* graph) {
  delete graph;
}

} // extern "C"
