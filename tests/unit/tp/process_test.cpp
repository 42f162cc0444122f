// Ranks in several processes: what launchers say, the rendezvous over TCP, its heartbeat, and the
// CPU communicator on it.
#include "tp/layer.hpp"
#include "tp/port.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include "base/error.hpp"
#include "tp/comm.hpp"
#include "tp/process_comm.hpp"

using namespace dsk::tp;

namespace {

Launch launch_of(const std::map<std::string, std::string>& variables) {
  return read_launch([&](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? std::string{} : it->second;
  });
}

std::string failure_of(const std::map<std::string, std::string>& variables) {
  try {
    launch_of(variables);
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_INVALID_ARGUMENT);
    return e.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

template <class Body> void in_ranks(std::uint32_t world, Body body) {
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < world; ++r)
    threads.emplace_back([&, r] { body(r); });
  for (std::thread& thread : threads)
    thread.join();
}

} // namespace

TEST_CASE("launchers: torchrun, mpirun, srun, LeaderWorkerSet") {
  const Launch torch = launch_of({{"RANK", "3"},
                                  {"WORLD_SIZE", "8"},
                                  {"LOCAL_RANK", "1"},
                                  {"MASTER_ADDR", "10.0.0.1"},
                                  {"MASTER_PORT", "1234"}});
  CHECK(torch.rank == 3);
  CHECK(torch.world == 8);
  CHECK(torch.local_rank == 1);
  CHECK(torch.address == "10.0.0.1");
  CHECK(torch.port == 1234);
  // torchrun's own store sits on MASTER_PORT then.
  CHECK(launch_of({{"RANK", "0"},
                   {"WORLD_SIZE", "2"},
                   {"MASTER_ADDR", "h"},
                   {"MASTER_PORT", "1234"},
                   {"TORCHELASTIC_USE_AGENT_STORE", "True"}})
            .port == 1235);

  const Launch mpi = launch_of({{"OMPI_COMM_WORLD_RANK", "1"},
                                {"OMPI_COMM_WORLD_SIZE", "2"},
                                {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                {"MASTER_ADDR", "head"}});
  CHECK(mpi.launcher == "mpirun");
  CHECK(mpi.rank == 1);
  CHECK(mpi.port == 29500);

  const Launch slurm = launch_of({{"SLURM_PROCID", "5"},
                                  {"SLURM_NTASKS", "16"},
                                  {"SLURM_LOCALID", "1"},
                                  {"SLURM_STEP_NODELIST", "gpu[03-05,9],x1"}});
  CHECK(slurm.address == "gpu03");
  CHECK(slurm.rank == 5);
  CHECK(slurm.local_rank == 1);
  CHECK(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_JOB_NODELIST", "a1,b2"}})
            .address == "a1");
  CHECK(launch_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_JOB_NODELIST", "solo"}})
            .address == "solo");

  const Launch lws = launch_of({{"LWS_GROUP_SIZE", "4"},
                                {"LWS_WORKER_INDEX", "2"},
                                {"LWS_LEADER_ADDRESS", "r1-0.r1.default"}});
  CHECK(lws.launcher == "LeaderWorkerSet");
  CHECK(lws.rank == 2);
  CHECK(lws.address == "r1-0.r1.default");
}

TEST_CASE("launchers: what is missing or wrong is named") {
  CHECK(has(failure_of({}), "WORLD_SIZE (torchrun)"));
  CHECK(has(failure_of({{"RANK", "0"}}), "WORLD_SIZE is not set"));
  CHECK(
      has(failure_of({{"RANK", "x"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}}), "RANK is \"x\""));
  CHECK(has(failure_of({{"RANK", "2"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}}), "rank 2 of 2"));
  CHECK(has(failure_of({{"RANK", "0"}, {"WORLD_SIZE", "65"}, {"MASTER_ADDR", "h"}}), "0 to 64"));
  CHECK(has(failure_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), "MASTER_ADDR is not set"));
  CHECK(
      has(failure_of(
              {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "99999"}}),
          "MASTER_PORT is \"99999\""));
  CHECK(has(failure_of({{"LWS_GROUP_SIZE", "2"}, {"LWS_WORKER_INDEX", "1"}}),
            "LWS_LEADER_ADDRESS is not set"));
}

TEST_CASE("ranks meet over TCP and sum and gather like ranks in one process") {
  constexpr std::uint32_t world = 3;
  const ReservedPort port_held;
  const std::uint16_t port = port_held.number();
  std::vector<std::vector<float>> sums(world), gathered(world);
  in_ranks(world, [&](std::uint32_t r) {
    Launch launch;
    launch.rank = r;
    launch.world = world;
    launch.address = "127.0.0.1";
    launch.port = port;
    CommOptions options;
    options.timeout_ms = 20000;
    options.max_bytes = 4096; // several pieces
    const auto comm = Comm::create_from_launch("cpu", launch, options);
    CHECK(std::string(comm->transport()) == "tcp");
    std::vector<float> mine(5000);
    for (std::size_t i = 0; i < mine.size(); ++i)
      mine[i] = static_cast<float>((r + 1) * 1000 + i % 777);
    sums[r].resize(mine.size());
    gathered[r].resize(mine.size() * world);
    dsk_backend_collective call{comm->handle(), DSK_DTYPE_F32,  mine.size(),
                                mine.data(),    sums[r].data(), nullptr};
    dsk_backend_error error{};
    CHECK(comm->device()->api().all_reduce(&call, 1, &error) == DSK_STATUS_OK);
    call.out = gathered[r].data();
    CHECK(comm->device()->api().all_gather(&call, 1, &error) == DSK_STATUS_OK);
    comm->wait(nullptr);
  });
  std::size_t wrong = 0;
  for (std::uint32_t r = 0; r < world; ++r)
    for (std::size_t i = 0; i < 5000; ++i) {
      wrong += sums[r][i] != static_cast<float>(6000 + 3 * (i % 777));
      for (std::uint32_t s = 0; s < world; ++s)
        wrong += gathered[r][s * 5000 + i] != static_cast<float>((s + 1) * 1000 + i % 777);
    }
  CHECK(wrong == 0);
}

TEST_CASE("a process that is killed is named by the others") {
  const ReservedPort port_held;
  const std::uint16_t port = port_held.number();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Rank 2 joins and dies without a goodbye.
    const Rendezvous meeting("127.0.0.1", port, 2, 3, 20000);
    kill(getpid(), SIGKILL);
  }
  std::string sentences[2];
  std::int32_t lost[2] = {-1, -1};
  in_ranks(2, [&](std::uint32_t r) {
    const auto meeting = std::make_shared<Rendezvous>("127.0.0.1", port, r, 3, 20000);
    const auto comm = make_process_comm(meeting, 4096);
    float value = 1.0f;
    const dsk_backend_collective call{comm.get(), DSK_DTYPE_F32, 1, &value, &value, nullptr};
    try {
      comm->all_reduce(&call, 1);
    } catch (const dsk::Error& e) {
      CHECK(e.status() == DSK_STATUS_BACKEND);
      sentences[r] = e.what();
    }
    lost[r] = comm->lost_rank();
  });
  waitpid(child, nullptr, 0);
  for (int r = 0; r < 2; ++r) {
    CHECK(has(sentences[r], "rank 2 is lost"));
    CHECK(lost[r] == 2);
  }
}

// A rank that comes late to its next call, as on a loaded machine, finds rank 0 gone already.
TEST_CASE("a late rank still names the rank whose loss ended the communicator") {
  const ReservedPort port_held;
  const std::uint16_t port = port_held.number();
  std::vector<std::unique_ptr<Rendezvous>> ranks(3);
  in_ranks(3, [&](std::uint32_t r) {
    ranks[r] = std::make_unique<Rendezvous>("127.0.0.1", port, r, 3, 20000);
  });
  std::vector<char> message(64);
  ranks[2]->abort();
  try {
    ranks[0]->receive(2, 0, message.data(), message.size());
    CHECK(false);
  } catch (const dsk::Error&) {
    CHECK(ranks[0]->lost_rank() == 2);
  }
  ranks[0].reset();
  for (int call = 0; call < 2; ++call)
    try {
      ranks[1]->send(0, 0, message.data(), message.size());
      ranks[1]->receive(0, 0, message.data(), message.size());
      CHECK(false);
    } catch (const dsk::Error& e) {
      CHECK(has(e.what(), "rank 2 is lost"));
      CHECK(ranks[1]->lost_rank() == 2);
    }
}

TEST_CASE(
    "the heartbeat finds a dead process without a collective, and knows a clean end from a death") {
  for (const bool clean : {false, true}) {
    const ReservedPort port_held;
    const std::uint16_t port = port_held.number();
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      {
        const Rendezvous meeting("127.0.0.1", port, 1, 2, 20000);
        if (!clean) kill(getpid(), SIGKILL);
      }
      _exit(0);
    }
    Rendezvous meeting("127.0.0.1", port, 0, 2, 20000);
    waitpid(child, nullptr, 0);
    bool lost = false;
    for (int i = 0; i < 100 && !lost; ++i) {
      try {
        meeting.poll();
      } catch (const dsk::Error& e) {
        lost = true;
        CHECK(has(e.what(), "rank 1 is lost"));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(lost == !clean);
  }
}

TEST_CASE("ranks that stay away are named when the time is up; ranks that disagree are told so") {
  const ReservedPort port_held;
  const std::uint16_t port = port_held.number();
  in_ranks(2, [&](std::uint32_t r) {
    try {
      const Rendezvous meeting("127.0.0.1", port, r == 0 ? 0 : 2, 4, 400);
      CHECK(r != 0);
    } catch (const dsk::Error& e) {
      CHECK(e.status() == DSK_STATUS_DEADLINE);
      CHECK(has(e.what(), "missing: 1 and 3"));
    }
  });
  const ReservedPort other_held;
  const std::uint16_t other = other_held.number();
  in_ranks(2, [&](std::uint32_t r) {
    try {
      const Rendezvous meeting("127.0.0.1", other, r, 2 + r, 2000); // worlds of 2 and of 3
      CHECK(false);
    } catch (const dsk::Error& e) {
      CHECK(e.status() == DSK_STATUS_INVALID_ARGUMENT);
    }
  });
  try {
    const Rendezvous meeting("127.0.0.1", ReservedPort().number(), 1, 2, 200);
    CHECK(false);
  } catch (const dsk::Error& e) {
    CHECK(e.status() == DSK_STATUS_DEADLINE);
    CHECK(has(e.what(), "127.0.0.1"));
  }
}

// A port that connections are given from, on which nobody listens: sooner or later a connection to
// it begins at itself. In a network of its own, which needs the right to make one, all connections
// begin there.
TEST_CASE("a rank that finds itself instead of rank 0 goes on looking") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int range = unshare(CLONE_NEWNET) == 0
                          ? open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC)
                          : -1;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    if (range < 0 || write(range, "40001 40001", 11) != 11 || fd < 0 ||
        ioctl(fd, SIOCSIFFLAGS, &loopback) != 0)
      _exit(77);
    try {
      const Rendezvous meeting("127.0.0.1", 40001, 1, 2, 300);
    } catch (const dsk::Error& e) {
      _exit(e.status() == DSK_STATUS_DEADLINE ? 0 : 1);
    }
    _exit(2);
  }
  int ended = 0;
  waitpid(child, &ended, 0);
  if (WEXITSTATUS(ended) == 77)
    MESSAGE("not run: no network of its own");
  else
    CHECK(WEXITSTATUS(ended) == 0);
}

TEST_CASE("calls that do not match are refused on both sides") {
  const ReservedPort port_held;
  const std::uint16_t port = port_held.number();
  int refused = 0;
  std::mutex mutex;
  in_ranks(2, [&](std::uint32_t r) {
    const auto comm =
        make_process_comm(std::make_shared<Rendezvous>("127.0.0.1", port, r, 2, 2000), 4096);
    std::vector<float> values(8, 1.0f);
    const dsk_backend_collective call{comm.get(),    DSK_DTYPE_F32, r == 0 ? 8u : 4u,
                                      values.data(), values.data(), nullptr};
    try {
      comm->all_reduce(&call, 1);
    } catch (const dsk::Error& e) {
      const std::lock_guard lock(mutex);
      ++refused;
      CHECK((e.status() == DSK_STATUS_INVALID_ARGUMENT || e.status() == DSK_STATUS_BACKEND));
    }
  });
  CHECK(refused == 2);
}
