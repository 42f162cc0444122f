#include "base/log.hpp"

#include <atomic>
#include <mutex>

namespace dsk::log {
namespace {

std::mutex mutex;
std::atomic<int> current_level{DSK_LOG_OFF};
dsk_log_fn current_fn = nullptr;
void* current_user = nullptr;

} // namespace

void set(dsk_log_level level, dsk_log_fn fn, void* user) noexcept {
  const std::lock_guard lock(mutex);
  current_fn = fn;
  current_user = user;
  current_level.store(fn ? static_cast<int>(level) : DSK_LOG_OFF, std::memory_order_relaxed);
}

bool enabled(dsk_log_level level) noexcept {
  return static_cast<int>(level) <= current_level.load(std::memory_order_relaxed);
}

void write(dsk_log_level level, const char* module, const char* message) noexcept {
  if (!enabled(level)) return;
  dsk_log_fn fn = nullptr;
  void* user = nullptr;
  {
    const std::lock_guard lock(mutex);
    fn = current_fn;
    user = current_user;
  }
  if (fn) fn(level, module, message, user);
}

} // namespace dsk::log
