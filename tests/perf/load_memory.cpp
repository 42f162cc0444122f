// load_memory [REQUESTS]: resident memory of the generator while it sends that many requests (10 M)
// to a simulated server.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

#include "unit/load/simulated_server.hpp"

int main(int argc, char** argv) {
  const std::int64_t requests = argc > 1 ? std::atoll(argv[1]) : 10'000'000;
  dsk::Json document;
  document["endpoint"] = {{"url", "http://127.0.0.1:9"}, {"model", "m"}};
  document["workload"] = {
      {"rate_per_s", 1000}, {"requests", requests}, {"input_tokens", 8}, {"output_tokens", 3}};
  const auto law = [&](std::uint64_t i, double) {
    if (i % 1'000'000 == 0) {
      std::ifstream file("/proc/self/statm");
      long total = 0, resident = 0;
      file >> total >> resident;
      std::printf("%llu requests: %ld MB\n", static_cast<unsigned long long>(i),
                  resident * sysconf(_SC_PAGESIZE) / 1000000);
      std::fflush(stdout);
    }
    dsk::load::Answer a;
    a.first_s = 0.02 + 0.0001 * static_cast<double>(i % 1009);
    return a;
  };
  const dsk::load::Report r =
      dsk::load::run_load(dsk::load::read_load_request(document), {}, dsk::load::simulated(law));
  std::fputs(dsk::load::report_table(r).c_str(), stdout);
  return r.statistics.completed == static_cast<std::uint64_t>(requests) ? 0 : 1;
}
