#include "bench/host_watch.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include <sys/resource.h>
#include <unistd.h>

#include "base/text.hpp"
#include "bench/clock.hpp"

namespace dsk::bench {
HostWatch::Reading HostWatch::read() {
  Reading out;
  out.wall_s = now_s();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  out.own_cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  out.put_aside = usage.ru_nivcsw;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/stat", "r"),
                                                             std::fclose);
  unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0,
                     stolen = 0;
  if (file && std::fscanf(file.get(), "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
                          &system, &idle, &wait, &irq, &soft, &stolen) == 8) {
    const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
    out.busy_cpu_s = static_cast<double>(user + nice + system + irq + soft) / tick;
    out.stolen_s = static_cast<double>(stolen) / tick;
    out.known = true;
  }
  return out;
}

void HostWatch::begin() {
  begin_ = read();
}

void HostWatch::end(Json& measurement, std::vector<Doubt>& doubts) {
  const Reading after = read();
  const double wall = after.wall_s - begin_.wall_s;
  if (!after.known || !begin_.known || wall < 0.05) return; // a tick is 10 ms
  const double processors = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  const double own = after.own_cpu_s - begin_.own_cpu_s;
  const double others = std::max(0.0, after.busy_cpu_s - begin_.busy_cpu_s - own) / wall;
  const double stolen = (after.stolen_s - begin_.stolen_s) / wall;
  Json host;
  host["own_processors"] = json::significant(own / wall, 3);
  host["other_processors"] = json::significant(others, 3);
  host["stolen_processors"] = json::significant(stolen, 3);
  host["put_aside"] = after.put_aside - begin_.put_aside;
  measurement["host"] = std::move(host);
  // Beyond half of the machine, others and the measured work have to share a processor.
  if (others + own / wall > processors - 0.5 && others > 0.25)
    doubts.push_back({"busy_host", "other processes used " + fixed_text(others, 2) + " of " +
                                       fixed_text(processors, 0) +
                                       " processors while this was measured"});
  if (stolen > 0.01 * processors)
    doubts.push_back({"stolen_time", "a hypervisor took " + fixed_text(stolen, 2) +
                                         " processors away while this was measured"});
}

} // namespace dsk::bench
