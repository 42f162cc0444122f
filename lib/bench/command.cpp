#include "bench/command.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "bench/clock.hpp"

extern char** environ; // POSIX: what the child inherits

namespace dsk::bench {
namespace {

[[noreturn]] void cannot_start(const std::string& program, int error) {
  throw Error(error == ENOENT ? DSK_STATUS_NOT_FOUND : DSK_STATUS_IO,
              program + " cannot be started: " + std::strerror(error));
}

// 0, or the error with which this file cannot be executed.
int error_of(const std::string& file) {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return errno;
  return !S_ISREG(found.st_mode) || access(file.c_str(), X_OK) != 0 ? EACCES : 0;
}

// POSIX lets posix_spawnp say 0 for a program that is missing and end the child with code 127 (it
// does so where vfork is a fork, under qemu's user mode for one), so a program is looked for once,
// as posix_spawnp does, before it is measured.
void check_program(const std::string& program) {
  int error = ENOENT;
  if (program.find('/') != std::string::npos) {
    error = error_of(program);
  } else if (!program.empty()) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/bin:/usr/bin");
    for (std::string folder; error != 0 && std::getline(folders, folder, ':');) {
      const int here = error_of((folder.empty() ? "." : folder) + "/" + program);
      if (here == 0 || here == EACCES) error = here;
    }
  }
  if (error != 0) cannot_start(program, error);
}

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
  if (status != 0) cannot_start(argv[0], status);
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
  check_program(argv[0]);
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
