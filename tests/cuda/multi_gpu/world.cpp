#include "world.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "tp/cpu_backend.hpp"

namespace multi {

void need(dsk_status status, dsk_error*& error) {
  const layer::Owned<dsk_error> owned(error);
  if (status != DSK_STATUS_OK) throw Failed(dsk_error_message(error));
}
void need(dsk_status status, const dsk_backend_error& error) {
  if (status != DSK_STATUS_OK) throw Failed(error.text[0] ? error.text : dsk_status_name(status));
}

const dsk_backend_api& table_of(const std::string& backend) {
  if (backend == "cpu") return dsk::tp::cpu_backend();
  // libdsk opens the same file, so both have one object of it.
  static const dsk_backend_api* const table = [&]() -> const dsk_backend_api* {
    const std::string name = "libdsk_backend_" + backend + ".so";
    const char* folders = std::getenv("DSK_BACKEND_PATH");
    const std::string paths = folders ? folders : "";
    std::string why;
    for (std::size_t begin = 0; begin <= paths.size();) {
      const std::size_t end = std::min(paths.find(':', begin), paths.size());
      const std::string path = paths.substr(begin, end - begin) + "/" + name;
      void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (void* entry = library ? dlsym(library, DSK_BACKEND_ENTRY) : nullptr)
        if (const dsk_backend_api* found =
                reinterpret_cast<dsk_backend_entry_fn>(entry)(DSK_BACKEND_API_VERSION))
          return found;
      why += std::string("; ") + (library ? path + " is of another version" : dlerror());
      begin = end + 1;
    }
    throw Failed("no " + name + " in a folder of DSK_BACKEND_PATH" + why);
  }();
  return *table;
}

layer::Owned<dsk_tp_device> open_device(const Options& options, std::uint32_t rank) {
  dsk_tp_device* device = nullptr;
  dsk_error* error = nullptr;
  const std::uint32_t ordinal = options.one_device || options.backend == "cpu" ? 0 : rank;
  need(dsk_tp_device_create(options.backend.data(), options.backend.size(), ordinal, &device,
                            &error),
       error);
  return layer::Owned<dsk_tp_device>(device);
}

/* ----------------------------------------------------------------------- crew */

Crew::Crew(std::uint32_t world, bool one_thread) {
  if (one_thread) drivers_.push_back({0, {}});
  for (std::uint32_t r = 0; r < world; ++r)
    if (one_thread)
      drivers_[0].ranks.push_back(r);
    else
      drivers_.push_back({r, {r}});
}

void Crew::run(const std::function<void(const Driver&)>& body) {
  waiting_ = 0;
  broken_ = false;
  std::exception_ptr first;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (const Driver& driver : drivers_)
    threads.emplace_back([&] {
      try {
        body(driver);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        broken_ = true;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  if (first) std::rethrow_exception(first);
}

void Crew::meet() {
  const std::uint32_t round = round_.load();
  if (waiting_.fetch_add(1) + 1 == drivers_.size()) {
    waiting_ = 0;
    round_.fetch_add(1);
    return;
  }
  for (std::uint64_t spins = 0; round_.load() == round; ++spins) {
    if (broken_) throw Failed("another rank has failed");
    if (spins > 1000) std::this_thread::yield();
  }
}

/* ---------------------------------------------------------------------- world */

World::World(const Options& options, std::uint32_t world)
    : api_(table_of(options.backend)), ranks_(world), crew_(world, options.one_device) {
  dsk_backend_error error{};
  for (std::uint32_t r = 0; r < world; ++r) {
    const bool first = options.one_device || options.backend == "cpu";
    need(api_.device_open(first ? 0 : static_cast<std::int32_t>(r), &ranks_[r].device, &error),
         error);
    for (void*& stream : ranks_[r].streams)
      need(api_.stream_create(ranks_[r].device, &stream, &error), error);
  }
}

World::~World() {
  free_memory();
  for (Rank& rank : ranks_) {
    if (!rank.device) continue;
    for (void* stream : rank.streams)
      if (stream) api_.stream_destroy(rank.device, stream);
    api_.device_close(rank.device);
  }
}

void* World::memory(std::uint32_t rank, std::uint64_t bytes) {
  dsk_backend_error error{};
  void* out = nullptr;
  need(api_.memory_alloc(ranks_[rank].device, std::max<std::uint64_t>(bytes, 256), &out, &error),
       error);
  ranks_[rank].memory.push_back(out);
  return out;
}

void World::free_memory() {
  for (Rank& rank : ranks_) {
    for (void* memory : rank.memory)
      api_.memory_free(rank.device, memory);
    rank.memory.clear();
  }
}

void World::copy(std::uint32_t rank, void* to, const void* from, std::uint64_t bytes) const {
  dsk_backend_error error{};
  need(api_.memory_copy(ranks_[rank].device, to, from, bytes, &error), error);
}

void World::wait(std::uint32_t rank, void* stream) const {
  dsk_backend_error error{};
  need(api_.stream_synchronize(ranks_[rank].device, stream, &error), error);
}

/* ---------------------------------------------------------------------- comms */

Comms::Comms(World& world, dsk_backend_transport transport, std::uint64_t timeout_ms)
    : world_(world), comms_(world.size(), nullptr) {
  dsk_backend_comm_options options{};
  options.struct_size = sizeof options;
  options.transport = transport;
  options.timeout_ms = timeout_ms;
  options.max_bytes = 8u << 20;
  std::vector<dsk_backend_device*> devices;
  for (std::uint32_t r = 0; r < world.size(); ++r)
    devices.push_back(world.device(r));
  dsk_backend_error error{};
  need(world.api().comm_create_local(devices.data(), world.size(), &options, comms_.data(), &error),
       error);
}
Comms::~Comms() {
  for (dsk_backend_comm* comm : comms_)
    if (comm) world_.api().comm_destroy(comm);
}
const char* Comms::transport() const {
  return world_.api().comm_transport(comms_[0]);
}
std::vector<dsk_backend_collective> Comms::calls(const Driver& driver, dsk_dtype dtype,
                                                 std::uint64_t count, const std::vector<void*>& in,
                                                 const std::vector<void*>& out, int stream) const {
  std::vector<dsk_backend_collective> calls;
  for (const std::uint32_t r : driver.ranks)
    calls.push_back({comms_[r], dtype, count, in[r], out[r], world_.stream(r, stream)});
  return calls;
}
void Comms::all_reduce(const Driver& driver, dsk_dtype dtype, std::uint64_t count,
                       const std::vector<void*>& in, const std::vector<void*>& out,
                       int stream) const {
  const auto list = calls(driver, dtype, count, in, out, stream);
  dsk_backend_error error{};
  need(world_.api().all_reduce(list.data(), static_cast<std::uint32_t>(list.size()), &error),
       error);
}
void Comms::all_gather(const Driver& driver, dsk_dtype dtype, std::uint64_t count,
                       const std::vector<void*>& in, const std::vector<void*>& out,
                       int stream) const {
  const auto list = calls(driver, dtype, count, in, out, stream);
  dsk_backend_error error{};
  need(world_.api().all_gather(list.data(), static_cast<std::uint32_t>(list.size()), &error),
       error);
}

Rivals::Rivals(const Options& options, World& world) {
  const bool cpu = options.backend == "cpu";
  own =
      std::make_unique<Comms>(world, cpu ? DSK_BACKEND_TRANSPORT_AUTO : DSK_BACKEND_TRANSPORT_PEER);
  own_name = own->transport();
  try {
    anchor = std::make_unique<Comms>(world, cpu ? DSK_BACKEND_TRANSPORT_AUTO
                                                : DSK_BACKEND_TRANSPORT_VENDOR);
    anchor_name = anchor->transport() + std::string(cpu ? " again" : "");
  } catch (const Failed& e) {
    missing = e.what();
  }
  chosen = std::make_unique<Comms>(world, DSK_BACKEND_TRANSPORT_AUTO);
  chosen_name = chosen->transport();
  if (cpu || chosen_name == own_name || chosen_name == anchor_name) chosen.reset();
}

/* --------------------------------------------------------------------- timing */

Launch captured(World& world, const Driver& driver, bool both_streams,
                const std::function<void()>& enqueue) {
  const dsk_backend_api& api = world.api();
  if (!api.graph_capture_begin) return enqueue;
  std::vector<void*> streams;
  for (const std::uint32_t r : driver.ranks)
    for (int i = 0; i < (both_streams ? 2 : 1); ++i)
      streams.push_back(world.stream(r, i));
  dsk_backend_device* device = world.device(driver.ranks[0]);
  const auto count = static_cast<std::uint32_t>(streams.size());
  dsk_backend_error error{};
  dsk_backend_graph* graph = nullptr;
  need(api.graph_capture_begin(device, streams.data(), count, &error), error);
  try {
    enqueue();
  } catch (...) {
    (void)api.graph_capture_end(device, streams.data(), count, 1, &graph, nullptr);
    throw;
  }
  need(api.graph_capture_end(device, streams.data(), count, 0, &graph, &error), error);
  const std::shared_ptr<dsk_backend_graph> owned(
      graph, [&api](dsk_backend_graph* g) { api.graph_destroy(g); });
  void* const stream = streams[0];
  return [&api, owned, stream] {
    dsk_backend_error failure{};
    need(api.graph_launch(owned.get(), stream, &failure), failure);
  };
}

namespace {

void wait_for(World& world, const Driver& driver) {
  for (const std::uint32_t r : driver.ranks)
    for (int i = 0; i < 2; ++i)
      world.wait(r, world.stream(r, i));
}

} // namespace

Timed::Timed(World& world, const Prepare& prepare, std::uint32_t low, std::uint32_t high)
    : world_(world), low_(low), high_(high), few_(world.crew().drivers().size()),
      many_(few_.size()) {
  world_.crew().run([&](const Driver& driver) {
    few_[driver.index] = prepare(driver, low_);
    many_[driver.index] = prepare(driver, high_);
    world_.crew().meet();
    for (const Launch& launch : {few_[driver.index], many_[driver.index]}) { // warm
      launch();
      wait_for(world_, driver);
    }
  });
}

Timing Timed::measure(int groups) {
  const auto drivers = few_.size();
  std::vector<std::vector<double>> few(drivers), many(drivers);
  world_.crew().run([&](const Driver& driver) {
    const auto time = [&](const Launch& launch) {
      world_.crew().meet();
      const double start = now_s();
      launch();
      wait_for(world_, driver);
      return (now_s() - start) * 1e6;
    };
    for (int g = 0; g < groups; ++g) {
      few[driver.index].push_back(time(few_[driver.index]));
      many[driver.index].push_back(time(many_[driver.index]));
    }
  });
  std::vector<double> us;
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
    double slow_few = 0, slow_many = 0;
    for (std::size_t d = 0; d < drivers; ++d) {
      slow_few = std::max(slow_few, few[d][g]);
      slow_many = std::max(slow_many, many[d][g]);
    }
    us.push_back((slow_many - slow_few) / (high_ - low_));
  }
  std::sort(us.begin(), us.end());
  // The machine's noise can be larger than the work; then the time is not known.
  return {us[us.size() / 2] > 0 ? us[us.size() / 2] : NAN, us.front(), us.back()};
}

std::uint32_t pieces_for(double piece_us, double group_us, std::uint32_t most) {
  return static_cast<std::uint32_t>(
      std::clamp(group_us / std::max(piece_us, 0.1), 2.0, static_cast<double>(most)));
}

double rough_us(World& world, const Prepare& prepare) {
  std::vector<double> us(world.crew().drivers().size());
  world.crew().run([&](const Driver& driver) {
    const Launch launch = prepare(driver, 2);
    for (int i = 0; i < 2; ++i) {
      world.crew().meet();
      const double start = now_s();
      launch();
      wait_for(world, driver);
      us[driver.index] = (now_s() - start) * 1e6 / 2;
    }
  });
  return *std::max_element(us.begin(), us.end());
}

Duel duel(Timed& a, Timed* b, int groups) {
  const auto both = [](const Timing& x, const Timing& y) {
    return Timing{(x.us + y.us) / 2, std::min(x.low, y.low), std::max(x.high, y.high)};
  };
  const auto near = [](const Timing& x, const Timing& y) {
    return std::fabs(x.us - y.us) <= 0.02 * std::max(std::fabs(x.us), std::fabs(y.us));
  };
  const Timing a1 = a.measure(groups);
  Timing b1{}, b2{};
  if (b) {
    b1 = b->measure(groups);
    b2 = b->measure(groups);
  }
  const Timing a2 = a.measure(groups);
  return {both(a1, a2), both(b1, b2), near(a1, a2) && (!b || near(b1, b2))};
}

void Comparison::add(double got, double want, double allowed) {
  worst_ = std::isfinite(got) ? std::fmax(worst_, std::fabs(got - want) / allowed) : HUGE_VAL;
  worst_against_last_ = std::fmax(worst_against_last_, std::fabs(got - last_) / allowed);
  last_ = want;
}

/* ----------------------------------------------------------------------- tile */

Tile::Tile(dsk_dtype dtype, layer::Bytes elements) : dtype_(dtype) {
  const std::size_t repeats = std::max<std::size_t>(1, (4u << 20) / elements.size());
  chunk_.reserve(repeats * elements.size());
  for (std::size_t i = 0; i < repeats; ++i)
    chunk_.insert(chunk_.end(), elements.begin(), elements.end());
  for (std::uint64_t i = 0; i < period; ++i)
    values_.push_back(dtype == DSK_DTYPE_F8E4M3 ? layer::e4m3_value(elements[i])
                                                : layer::read(elements.data(), dtype, i));
}

namespace {

std::size_t width_of(dsk_dtype dtype) {
  return dtype == DSK_DTYPE_F8E4M3 ? 1 : layer::size_of(dtype);
}

} // namespace

Tile Tile::whole_numbers(dsk_dtype dtype, std::uint32_t seed) {
  layer::Rng rng(seed);
  layer::Bytes elements(period * width_of(dtype));
  for (std::uint64_t i = 0; i < period; ++i)
    layer::write(elements.data(), dtype, i, static_cast<double>(rng() % 9) - 4);
  return {dtype, std::move(elements)};
}
Tile Tile::sum(const std::vector<Tile>& tiles) {
  const dsk_dtype dtype = tiles[0].dtype_;
  layer::Bytes elements(period * width_of(dtype));
  for (std::uint64_t i = 0; i < period; ++i) {
    double sum = 0;
    for (const Tile& tile : tiles)
      sum += tile.at(i);
    layer::write(elements.data(), dtype, i, sum == 0 ? 0.0 : sum);
  }
  return {dtype, std::move(elements)};
}
Tile Tile::random(dsk_dtype dtype, std::uint32_t seed, double scale) {
  layer::Rng rng(seed);
  layer::Bytes elements(period * width_of(dtype));
  for (std::uint64_t i = 0; i < period; ++i)
    if (dtype == DSK_DTYPE_F8E4M3)
      elements[i] = static_cast<std::uint8_t>((rng() & 0x80) | rng() % 0x50); // no NaN, at most 28
    else
      layer::write(elements.data(), dtype, i,
                   layer::rounded(dtype, scale * layer::uniform(rng, -1, 1)));
  return {dtype, std::move(elements)};
}
void Tile::upload(const World& world, std::uint32_t rank, void* to, std::uint64_t bytes) const {
  for (std::uint64_t from = 0; from < bytes; from += chunk_.size())
    world.copy(rank, static_cast<std::byte*>(to) + from, chunk_.data(),
               std::min<std::uint64_t>(chunk_.size(), bytes - from));
}
bool Tile::equals(const World& world, std::uint32_t rank, const void* from,
                  std::uint64_t bytes) const {
  layer::Bytes got(std::min<std::uint64_t>(chunk_.size(), bytes));
  for (std::uint64_t at = 0; at < bytes; at += got.size()) {
    const std::uint64_t part = std::min<std::uint64_t>(got.size(), bytes - at);
    world.copy(rank, got.data(), static_cast<const std::byte*>(from) + at, part);
    if (std::memcmp(got.data(), chunk_.data(), part) != 0) return false;
  }
  return true;
}
layer::Bytes Tile::host(std::uint64_t bytes) const {
  layer::Bytes out(bytes);
  for (std::uint64_t at = 0; at < bytes; at += chunk_.size())
    std::memcpy(out.data() + at, chunk_.data(), std::min<std::uint64_t>(chunk_.size(), bytes - at));
  return out;
}

} // namespace multi
