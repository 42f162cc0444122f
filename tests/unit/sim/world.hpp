// Small worlds for the simulator's tests: a deployment of the built-in catalogue, a sink that keeps
// everything, and an open-loop driver of one replica.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.hpp"
#include "perf/step.hpp"
#include "sim/replica.hpp"
#include "workload/workload.hpp"

namespace world {

struct Setup {
  dsk::Model model;
  dsk::Device device;
  dsk::Engine engine;
  dsk::perf::Deployment deployment;
  std::unique_ptr<dsk::perf::StepModel> step;

  Setup(const std::string& model_name, const std::string& device_name,
        const std::string& engine_name, dsk::perf::Parallel parallel) {
    const dsk::Catalog catalog;
    model = catalog.model(model_name, "");
    device = catalog.device(device_name, "");
    engine = catalog.engine(engine_name, "", "");
    deployment.model = &model;
    deployment.device = &device;
    deployment.engine = &engine;
    deployment.parallel = parallel;
    step = std::make_unique<dsk::perf::StepModel>(deployment);
  }
  Setup(const Setup&) = delete;
};

inline const Setup& llama8b() {
  static const Setup setup("llama-3.1-8b", "h100-sxm", "vllm", {});
  return setup;
}
inline const Setup& deepseek() {
  static const Setup setup("deepseek-v3", "h200-sxm", "vllm", {8, 1, 1, 1});
  return setup;
}
inline const Setup& deepseek_dp() {
  static const Setup setup("deepseek-v3", "h200-sxm", "sglang", {1, 1, 8, 8});
  return setup;
}

class Keep : public dsk::sim::Sink {
public:
  std::vector<dsk::sim::Done> all;
  std::vector<dsk::sim::Job> handed;
  void done(int, const dsk::sim::Done& d) override { all.push_back(d); }
  void prefilled(int, const dsk::sim::Job& job, double, double) override { handed.push_back(job); }
  void evicted(int, std::uint64_t) override {}
};

struct Arrival {
  double at_s;
  std::int32_t input;
  std::int32_t output;
  dsk::workload::BlockList blocks;
};

/// Sends the jobs in order and runs until the replica is idle.
inline void drive(dsk::sim::Replica& replica, const std::vector<Arrival>& arrivals) {
  std::int64_t id = 0;
  for (const Arrival& a : arrivals) {
    while (replica.next_s() < a.at_s)
      replica.step();
    dsk::sim::Job job;
    job.id = id++;
    job.sent_s = a.at_s;
    job.input = a.input;
    job.output = a.output;
    job.blocks = a.blocks;
    replica.submit(job, a.at_s);
  }
  while (replica.next_s() < dsk::sim::Replica::never)
    replica.step();
}

/// Uniform numbers of a test, by case and place.
class Dice {
public:
  explicit Dice(std::uint64_t seed) : random_(seed, 99) {}
  double unit() { return random_.uniform2(next_++)[0]; }
  std::int64_t from(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(unit() * static_cast<double>(high - low + 1));
  }

private:
  dsk::Random random_;
  std::uint64_t next_ = 0;
};

} // namespace world
