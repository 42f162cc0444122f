// The run on disk: written frame by frame as it happens, so that a generator that is killed at any
// moment has lost nothing that was finished. A frame is a length, a checksum and its bytes; reading
// stops at the first that is not whole, which is what was being written when the end came.
//
// A write reaches the kernel before the request counts as finished: a killed process loses nothing.
// A thread of the journal's own puts what the kernel holds on the disk every second, so that the
// run never waits for the disk: power loss can take the last second and what one sync takes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "load/record.hpp"

namespace dsk::load {

/// What a journal says about a run.
struct JournalSummary {
  std::string request; // the request document, as text
  double began_at_unix_s = 0;
  std::uint64_t started = 0;     // requests sent, or being sent when the end came
  std::uint64_t last_ns = 0;     // latest time in it, on the run's own clock
  std::uint64_t whole_bytes = 0; // up to the end of the last whole frame
  std::uint64_t lost_bytes = 0;  // behind it
  std::uint64_t resumed = 0;     // how often the run was taken up again
};

/// Calls `record` for each finished request. Throws IO when the file cannot be read and
/// INVALID_REQUEST when it is no journal.
JournalSummary read_journal(const std::string& path,
                            const std::function<void(const Record&)>& record);

class Journal {
public:
  Journal() = default;
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// A new one; throws IO when it cannot be made, and when there is one already.
  void create(const std::string& path, const std::string& request, double began_at_unix_s);
  /// Goes on behind the last whole frame.
  void resume(const std::string& path, const JournalSummary& summary, std::uint64_t now_ns);

  void started(std::uint64_t index, std::uint64_t now_ns);
  void finished(const Record& record);

  bool is_open() const { return descriptor_ >= 0; }
  /// Why writing ended (a full disk), or "". The run goes on without it.
  const std::string& failure() const { return failure_; }

private:
  enum class Kind : char { header = 'H', started = 'S', finished = 'F', resumed = 'R' };
  friend JournalSummary read_journal(const std::string&, const std::function<void(const Record&)>&);
  void write(Kind kind, std::string_view body);
  void start_syncing();
  void stop_syncing();
  void sync_every_second();

  int descriptor_ = -1;
  std::string failure_;
  std::string frame_;
  std::thread syncing_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false; // under mutex_
  std::atomic<bool> dirty_{false};
};

} // namespace dsk::load
