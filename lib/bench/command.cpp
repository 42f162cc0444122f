#include "bench/command.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "bench/clock.hpp"

extern char** environ; // POSIX: what the child inherits

namespace dsk::bench {
namespace {

void run_once(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int status = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0)
    throw Error(status == ENOENT ? DSK_STATUS_NOT_FOUND : DSK_STATUS_IO,
                argv[0] + " cannot be started: " + std::strerror(status));
  int ended = 0;
  while (waitpid(child, &ended, 0) < 0)
    if (errno != EINTR)
      throw Error(DSK_STATUS_IO, argv[0] + " cannot be waited for: " + std::strerror(errno));
  if (WIFSIGNALED(ended))
    throw Error(DSK_STATUS_BACKEND,
                argv[0] + " was ended by signal " + std::to_string(WTERMSIG(ended)));
  if (WEXITSTATUS(ended) != 0)
    throw Error(DSK_STATUS_BACKEND,
                argv[0] + " ended with code " + std::to_string(WEXITSTATUS(ended)));
}

} // namespace

Subject command_subject(std::vector<std::string> argv) {
  return [argv = std::move(argv)](std::uint64_t iterations) {
    for (std::uint64_t i = 0; i < iterations; ++i)
      run_once(argv);
    return Sample{};
  };
}

void ChildrenWatch::begin() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  user_s_ = seconds(usage.ru_utime);
  system_s_ = seconds(usage.ru_stime);
}

void ChildrenWatch::end(Json& measurement, std::vector<Doubt>&) {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  measurement["command"] = {{"user_s", json::significant(seconds(usage.ru_utime) - user_s_, 6)},
                            {"system_s", json::significant(seconds(usage.ru_stime) - system_s_, 6)},
                            {"peak_memory_bytes", 1024 * usage.ru_maxrss}};
}

} // namespace dsk::bench
