#include "load/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.hpp"

namespace dsk::load {
namespace {

constexpr char magic[] = "dsk load journal 1\n";
constexpr std::size_t magic_size = sizeof magic - 1;
constexpr std::size_t head_size = 9; // kind, length, checksum
constexpr std::size_t max_frame = std::size_t{64} << 20;

// FNV-1a, 32 bit: tells a whole frame from half of one; nobody forges these.
std::uint32_t checksum(char kind, std::string_view body) {
  std::uint32_t hash = 2166136261u;
  const auto mix = [&](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u; };
  mix(kind);
  for (const char c : body)
    mix(c);
  return hash;
}

void put_u32(char* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    to[i] = static_cast<char>(value >> (8 * i));
}

std::uint32_t get_u32(const char* from) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return value;
}

[[noreturn]] void io_error(const std::string& path, const char* what) {
  throw Error(DSK_STATUS_IO, "the journal " + path + " " + what + ": " + std::strerror(errno));
}

} // namespace

JournalSummary read_journal(const std::string& path,
                            const std::function<void(const Record&)>& record) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) io_error(path, "cannot be read");
  JournalSummary out;
  std::string buffer(magic_size, '\0');
  if (std::fread(buffer.data(), 1, magic_size, file.get()) != magic_size ||
      buffer.compare(0, magic_size, magic) != 0)
    invalid_request("/journal", path + " is no journal of a load run");
  std::uint64_t at = magic_size;
  bool have_header = false;
  for (;;) {
    char head[head_size];
    if (std::fread(head, 1, head_size, file.get()) != head_size) break;
    const std::uint32_t size = get_u32(head + 1);
    if (size > max_frame) break;
    buffer.resize(size);
    if (std::fread(buffer.data(), 1, size, file.get()) != size ||
        checksum(head[0], buffer) != get_u32(head + 5))
      break;
    std::string_view body = buffer;
    std::uint64_t value = 0;
    std::uint64_t time_ns = 0;
    switch (static_cast<Journal::Kind>(head[0])) {
    case Journal::Kind::header:
      if (!take_number(body, value)) break;
      out.began_at_unix_s = 1e-3 * static_cast<double>(value);
      out.request = std::string(body);
      have_header = true;
      break;
    case Journal::Kind::started:
      if (!take_number(body, value) || !take_number(body, time_ns)) break;
      out.started = std::max(out.started, value + 1);
      out.last_ns = std::max(out.last_ns, time_ns);
      break;
    case Journal::Kind::finished:
      if (const auto finished = decoded(body)) {
        out.started = std::max(out.started, finished->index + 1);
        out.last_ns = std::max(out.last_ns, finished->ended_ns());
        record(*finished);
      }
      break;
    case Journal::Kind::resumed:
      ++out.resumed;
      break;
    }
    at += head_size + size;
  }
  if (!have_header) invalid_request("/journal", path + " ends before its first frame");
  out.whole_bytes = at;
  if (std::fseek(file.get(), 0, SEEK_END) == 0)
    out.lost_bytes = static_cast<std::uint64_t>(std::ftell(file.get())) - at;
  return out;
}

Journal::~Journal() {
  stop_syncing();
  if (descriptor_ < 0) return;
  (void)::fdatasync(descriptor_);
  ::close(descriptor_);
}

void Journal::start_syncing() {
  syncing_ = std::thread([this] { sync_every_second(); });
}

void Journal::stop_syncing() {
  if (!syncing_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ended_.notify_one();
  syncing_.join();
}

// The descriptor is closed only after this thread has ended.
void Journal::sync_every_second() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, std::chrono::seconds(1), [&] { return ending_; })) {
    lock.unlock();
    if (dirty_.exchange(false)) (void)::fdatasync(descriptor_);
    lock.lock();
  }
}

void Journal::create(const std::string& path, const std::string& request, double began_at_unix_s) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) io_error(path, "cannot be made");
  if (::write(descriptor_, magic, magic_size) != static_cast<ssize_t>(magic_size))
    io_error(path, "cannot be written");
  std::string body;
  put_number(body, static_cast<std::uint64_t>(1e3 * began_at_unix_s));
  body += request;
  write(Kind::header, body);
  if (!failure_.empty()) throw Error(DSK_STATUS_IO, failure_);
  start_syncing();
}

void Journal::resume(const std::string& path, const JournalSummary& summary, std::uint64_t now_ns) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) io_error(path, "cannot be written");
  if (::ftruncate(descriptor_, static_cast<off_t>(summary.whole_bytes)) != 0)
    io_error(path, "cannot be cut after its last whole frame");
  std::string body;
  put_number(body, now_ns);
  write(Kind::resumed, body);
  if (is_open()) start_syncing();
}

void Journal::started(std::uint64_t index, std::uint64_t now_ns) {
  if (descriptor_ < 0) return;
  std::string body;
  put_number(body, index);
  put_number(body, now_ns);
  write(Kind::started, body);
}

void Journal::finished(const Record& record) {
  if (descriptor_ >= 0) write(Kind::finished, encoded(record));
}

// One write for a frame: the kernel appends it whole or, when the disk is full, in part.
void Journal::write(Kind kind, std::string_view body) {
  char head[head_size];
  head[0] = static_cast<char>(kind);
  put_u32(head + 1, static_cast<std::uint32_t>(body.size()));
  put_u32(head + 5, checksum(head[0], body));
  frame_.assign(head, head_size);
  frame_ += body;
  std::size_t done = 0;
  while (done < frame_.size()) {
    const ssize_t put = ::write(descriptor_, frame_.data() + done, frame_.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      failure_ = std::string("the journal cannot be written any more: ") + std::strerror(errno);
      stop_syncing();
      ::close(descriptor_);
      descriptor_ = -1;
      return;
    }
    done += static_cast<std::size_t>(put);
  }
  dirty_ = true;
}

} // namespace dsk::load
