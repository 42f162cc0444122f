#include "tp/comm.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "backend/loader.hpp"
#include "base/error.hpp"
#include "tp/process_comm.hpp"

namespace dsk::tp {
namespace {

dsk_backend_comm_options table_options(const CommOptions& options) {
  dsk_backend_comm_options out{};
  out.struct_size = sizeof out;
  out.transport = options.transport;
  out.timeout_ms = options.timeout_ms;
  out.max_bytes = options.max_bytes;
  return out;
}

} // namespace

Comm::Comm(std::shared_ptr<Device> device, std::uint32_t world, std::uint32_t rank,
           const CommOptions& options)
    : device_(std::move(device)), world_(world), rank_(rank), timeout_ms_(options.timeout_ms),
      family_(std::make_shared<CommFamily>()) {}

std::vector<std::shared_ptr<Comm>>
Comm::create_local(const std::vector<std::shared_ptr<Device>>& devices,
                   const CommOptions& options) {
  const auto world = static_cast<std::uint32_t>(devices.size());
  std::vector<dsk_backend_device*> handles;
  for (const auto& device : devices) {
    if (&device->api() != &devices.front()->api())
      throw Error(DSK_STATUS_INVALID_ARGUMENT,
                  "devices of different backends cannot share a communicator");
    handles.push_back(device->handle());
  }
  std::vector<std::shared_ptr<Comm>> comms;
  for (std::uint32_t r = 0; r < world; ++r) {
    comms.emplace_back(new Comm(devices[r], world, r, options));
    comms[r]->family_ = comms[0]->family_;
  }
  if (world == 1) return comms;
  std::vector<dsk_backend_comm*> made(world, nullptr);
  const dsk_backend_comm_options wanted = table_options(options);
  dsk_backend_error error{};
  dsk::backend::check(
      devices[0]->api().comm_create_local(handles.data(), world, &wanted, made.data(), &error),
      error, "");
  for (std::uint32_t r = 0; r < world; ++r)
    comms[r]->handle_ = made[r];
  return comms;
}

std::shared_ptr<Comm> Comm::create(std::shared_ptr<Device> device, const std::uint8_t* id,
                                   std::uint32_t world, std::uint32_t rank,
                                   const CommOptions& options) {
  std::shared_ptr<Comm> comm(new Comm(std::move(device), world, rank, options));
  if (world == 1) return comm;
  const dsk_backend_comm_options wanted = table_options(options);
  dsk_backend_error error{};
  const Device& on = *comm->device_;
  dsk::backend::check(
      on.api().comm_create(on.handle(), id, world, rank, &wanted, &comm->handle_, &error), error,
      "");
  return comm;
}

std::shared_ptr<Comm> Comm::create_from_launch(std::string_view backend, const Launch& launch,
                                               const CommOptions& options) {
  const bool cpu = backend == "cpu";
  std::shared_ptr<Device> device = Device::open(backend, cpu ? 0 : launch.local_rank);
  auto meeting = std::make_shared<Rendezvous>(launch.address, launch.port, launch.rank,
                                              launch.world, options.timeout_ms);
  std::shared_ptr<Comm> comm;
  if (cpu) {
    comm.reset(new Comm(std::move(device), launch.world, launch.rank, options));
    if (launch.world > 1) comm->handle_ = make_process_comm(meeting, options.max_bytes).release();
  } else {
    std::uint8_t id[DSK_BACKEND_UNIQUE_ID_BYTES] = {};
    if (launch.world > 1 && launch.rank == 0) {
      dsk_backend_error error{};
      dsk::backend::check(device->api().comm_unique_id(device->handle(), id, &error), error, "");
    }
    meeting->broadcast(id, sizeof id);
    comm = create(std::move(device), id, launch.world, launch.rank, options);
  }
  comm->rendezvous_ = std::move(meeting);
  return comm;
}

Comm::~Comm() {
  if (handle_) device_->api().comm_destroy(handle_);
}

const char* Comm::transport() const {
  return handle_ ? device_->api().comm_transport(handle_) : "none";
}

void Comm::require_usable() const {
  if (!aborted()) return;
  std::string why = "the communicator was aborted";
  if (const std::int32_t lost = lost_rank(); lost != DSK_BACKEND_NO_RANK)
    why += " because rank " + std::to_string(lost) + " was lost";
  throw Error(DSK_STATUS_CANCELLED, why + "; make a new one");
}

void Comm::poll() {
  if (!handle_) return;
  if (rendezvous_) rendezvous_->poll();
  std::int32_t lost = DSK_BACKEND_NO_RANK;
  dsk_backend_error error{};
  dsk::backend::check(device_->api().comm_poll(handle_, &lost, &error), error, "");
}

void Comm::note_failure() noexcept {
  std::int32_t lost = DSK_BACKEND_NO_RANK;
  if (handle_) (void)device_->api().comm_poll(handle_, &lost, nullptr);
  if (lost == DSK_BACKEND_NO_RANK && rendezvous_) lost = rendezvous_->lost_rank();
  if (lost != DSK_BACKEND_NO_RANK) family_->lost_rank.store(lost);
  abort();
}

void Comm::wait(void* stream) {
  require_usable();
  // A little longer than the waits on the device, which know the rank that they wait for.
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::milliseconds(timeout_ms_ + 100 + timeout_ms_ / 10);
  for (auto pause = std::chrono::microseconds(5);;
       pause = std::min(pause * 2, std::chrono::microseconds(500))) {
    std::uint32_t done = 0;
    dsk_backend_error error{};
    try {
      dsk::backend::check(device_->api().stream_query(device_->handle(), stream, &done, &error),
                          error, "");
      poll();
    } catch (const Error& e) {
      note_failure();
      throw;
    }
    if (done) return;
    if (aborted()) { // by another rank: this one's device waits too
      abort();
      require_usable();
    }
    if (std::chrono::steady_clock::now() > until)
      throw Error(DSK_STATUS_DEADLINE, "the stream's work is not done after " +
                                           std::to_string(timeout_ms_) +
                                           " ms, and no rank is known to be lost");
    std::this_thread::sleep_for(pause);
  }
}

void Comm::abort() noexcept {
  family_->aborted.store(true);
  if (handle_ && !handle_aborted_.exchange(true)) device_->api().comm_abort(handle_);
}

} // namespace dsk::tp
