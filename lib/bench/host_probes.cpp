#include "bench/host_probes.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"

namespace dsk::bench {
namespace {

/// Threads that run one task together, again and again; joined at the end.
class Team {
public:
  Team(int threads, std::function<void(int)> task) : task_(std::move(task)) {
    for (int i = 1; i < threads; ++i)
      threads_.emplace_back([this, i] { serve(i); });
  }
  ~Team() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      ++round_;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_)
      thread.join();
  }
  void run() {
    {
      const std::lock_guard lock(mutex_);
      left_ = threads_.size();
      ++round_;
    }
    wake_.notify_all();
    task_(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
  }

private:
  void serve(int index) {
    for (std::uint64_t seen = 0;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        if (stop_) return;
      }
      task_(index);
      const std::lock_guard lock(mutex_);
      if (--left_ == 0) done_.notify_one();
    }
  }

  std::function<void(int)> task_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::size_t left_ = 0;
  std::uint64_t round_ = 0;
  bool stop_ = false;
};

constexpr std::size_t page = 4096;

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<double, Free>;

Buffer allocate(std::size_t bytes) {
  void* memory = std::aligned_alloc(page, (bytes + page - 1) / page * page);
  if (!memory) throw std::bad_alloc();
  return Buffer(static_cast<double*>(memory));
}

// The results go here, so that a compiler cannot leave the loops out.
std::atomic<double> sink{0};

struct Arrays {
  Buffer a, b, c;
};

void stream(HostMemoryKind kind, const Arrays& arrays, std::size_t n, std::uint64_t round) {
  double* a = arrays.a.get();
  const double* b = arrays.b.get();
  const double* c = arrays.c.get();
  switch (kind) {
  case HostMemoryKind::read: {
    double sum[8] = {};
    for (std::size_t i = 0; i + 8 <= n; i += 8)
      for (std::size_t j = 0; j < 8; ++j)
        sum[j] += a[i + j];
    sink.store(sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7],
               std::memory_order_relaxed);
    return;
  }
  case HostMemoryKind::write:
    std::fill(a, a + n, static_cast<double>(round));
    break;
  case HostMemoryKind::copy:
    std::memcpy(a, b, n * sizeof(double));
    break;
  case HostMemoryKind::triad: {
    const double scale = 1.0 + 1e-9 * static_cast<double>(round);
    for (std::size_t i = 0; i < n; ++i)
      a[i] = b[i] + scale * c[i];
    break;
  }
  }
  sink.store(a[n / 2], std::memory_order_relaxed);
}

double streams_of(HostMemoryKind kind) {
  switch (kind) {
  case HostMemoryKind::copy:
    return 2;
  case HostMemoryKind::triad:
    return 3;
  case HostMemoryKind::read:
  case HostMemoryKind::write:
    break;
  }
  return 1;
}

class File {
public:
  explicit File(const std::string& path) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    direct_ = descriptor_ >= 0;
    if (!direct_) descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    if (descriptor_ < 0 || fstat(descriptor_, &facts) != 0)
      throw Error(DSK_STATUS_IO, path + " cannot be read: " + std::strerror(errno));
    size_ = static_cast<std::size_t>(std::max<off_t>(0, facts.st_size));
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::size_t size() const { return size_; }
  bool direct() const { return direct_; }
  void read(void* to, std::size_t bytes, std::size_t at) const {
    const ssize_t got = ::pread(descriptor_, to, bytes, static_cast<off_t>(at));
    if (got < 0) throw Error(DSK_STATUS_IO, std::string("reading failed: ") + std::strerror(errno));
    if (!direct_) // what was read must not serve the next round from memory
      (void)posix_fadvise(descriptor_, static_cast<off_t>(at), static_cast<off_t>(bytes),
                          POSIX_FADV_DONTNEED);
  }

private:
  int descriptor_ = -1;
  bool direct_ = false;
  std::size_t size_ = 0;
};

} // namespace

std::size_t host_array_bytes(int threads) {
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  // A virtual machine may report the cache of a whole socket; 512 MiB is far beyond its share of
  // it.
  const std::size_t total =
      std::clamp<std::size_t>(4 * static_cast<std::size_t>(std::max(0L, cache)),
                              std::size_t{64} << 20, std::size_t{512} << 20);
  return total / static_cast<std::size_t>(std::max(1, threads)) / page * page;
}

Prepared host_memory(HostMemoryKind kind, int threads, std::size_t array_bytes) {
  const std::size_t n = array_bytes / sizeof(double);
  auto arrays = std::make_shared<std::vector<Arrays>>(static_cast<std::size_t>(threads));
  // Each thread touches its own arrays first, so that they lie in its own NUMA node.
  const auto fill = [&](int index) {
    Arrays& own = (*arrays)[static_cast<std::size_t>(index)];
    const std::size_t used = kind == HostMemoryKind::triad  ? 3
                             : kind == HostMemoryKind::copy ? 2
                                                            : 1;
    Buffer* const buffers[] = {&own.a, &own.b, &own.c};
    for (Buffer* buffer : std::vector<Buffer*>(buffers, buffers + used)) {
      *buffer = allocate(array_bytes);
      std::uint64_t state = static_cast<std::uint64_t>(index) + 88172645463325252ull;
      for (std::size_t i = 0; i < n; ++i) {
        state ^= state << 13; // xorshift64 (Marsaglia 2003): data that no cache can compress
        state ^= state >> 7;
        state ^= state << 17;
        buffer->get()[i] = static_cast<double>(state >> 12) * 0x1p-52;
      }
    }
  };
  Team(threads, fill).run();
  auto round = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto team = std::make_shared<Team>(threads, [arrays, kind, n, round](int index) {
    stream(kind, (*arrays)[static_cast<std::size_t>(index)], n, round->load());
  });
  Prepared out;
  out.subject = [team, round](std::uint64_t iterations) {
    for (std::uint64_t i = 0; i < iterations; ++i) {
      ++*round;
      team->run();
    }
    return Sample{};
  };
  out.bytes = streams_of(kind) * static_cast<double>(n * sizeof(double)) * threads;
  out.facts = {{"threads", threads}, {"array_bytes", array_bytes}};
  return out;
}

Prepared disk_read(const std::string& path, std::size_t block_bytes, bool random, int threads) {
  auto file = std::make_shared<File>(path);
  if (file->size() < (std::size_t{64} << 20))
    throw Error(DSK_STATUS_IO, path + " has " + std::to_string(file->size()) +
                                   " bytes; a disk is measured on a file of at least 64 MiB");
  const std::size_t blocks = file->size() / block_bytes;
  auto buffers = std::make_shared<std::vector<Buffer>>();
  for (int i = 0; i < threads; ++i)
    buffers->push_back(allocate(block_bytes));
  auto next = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto failure = std::make_shared<std::atomic<dsk_status>>(DSK_STATUS_OK);
  auto team = std::make_shared<Team>(threads, [=](int index) {
    const std::uint64_t turn = next->fetch_add(1);
    // An odd multiplier far from any power of two visits the blocks in a scattered order.
    const std::uint64_t block = (random ? turn * 0x9e3779b97f4a7c15ull >> 11 : turn) % blocks;
    try {
      file->read((*buffers)[static_cast<std::size_t>(index)].get(), block_bytes,
                 static_cast<std::size_t>(block) * block_bytes);
    } catch (const Error& e) { // of a thread of the team: handed to the caller's
      failure->store(e.status());
    }
  });
  Prepared out;
  out.subject = [team, failure, path](std::uint64_t iterations) {
    for (std::uint64_t i = 0; i < iterations; ++i)
      team->run();
    if (const dsk_status status = failure->load(); status != DSK_STATUS_OK)
      throw Error(status, path + " could not be read to its end");
    return Sample{};
  };
  out.bytes = static_cast<double>(block_bytes) * threads;
  out.facts = {{"threads", threads},
               {"block_bytes", block_bytes},
               {"order", random ? "random" : "sequential"},
               {"page_cache", file->direct() ? "bypassed" : "dropped after each read"}};
  return out;
}

} // namespace dsk::bench
