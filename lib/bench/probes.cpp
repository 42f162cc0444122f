#include "bench/probes.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/text.hpp"
#include "bench/device_case.hpp"
#include "bench/host_watch.hpp"
#include "bench/machine.hpp"
#include "bench/suites.hpp"

namespace dsk::bench {
namespace {

struct Request {
  std::string suite;
  std::vector<std::string> probes;
  std::string backend;
  int device = 0;
  std::string disk_path;
  std::vector<Linear> linears;
  bool list = false;
};

Request read_request(const Json& document, const Catalog& catalog) {
  Reader reader(document, "");
  Request out;
  out.suite = reader.choice("suite", {"quick", "full", "before_after", "host"}, "full");
  out.probes = reader.texts("probes", 4096);
  if (!reader.has("suite") && out.probes.empty())
    invalid_request("/suite", "suite is missing; give a suite or the probes to run");
  out.backend = reader.text("backend", "cuda", 32);
  out.device = static_cast<int>(reader.integer("device", 0, 1023, 0));
  out.disk_path = reader.text("disk_path", "", 4096);
  const auto linears = reader.array("linears", 256);
  for (std::size_t i = 0; i < linears.size(); ++i) {
    Reader item(*linears[i], json::pointer(reader.path_of("linears"), i));
    out.linears.push_back({item.text("name", 64),
                           static_cast<std::uint64_t>(item.integer("n", 1, 1 << 20)),
                           static_cast<std::uint64_t>(item.integer("k", 1, 1 << 20))});
    item.done();
  }
  const int tp = static_cast<int>(reader.integer("tp", 1, 64, 1));
  if (reader.has("model")) {
    const Model model = catalog.model(reader.text("model"), "/model");
    for (Linear& linear : linears_of(model, tp))
      out.linears.push_back(std::move(linear));
  }
  out.list = reader.boolean("list", false);
  reader.done();
  return out;
}

Json skipped(const std::string& id, const std::string& reason) {
  return {{"kind", "measurement"}, {"schema", 1}, {"name", id}, {"skipped", reason}};
}

/// Runs probes one by one; the device is opened at the first that needs it.
class Session {
public:
  Session(const Request& request, const Cancel& cancel, const LineSink& sink)
      : request_(request), cancel_(cancel), sink_(sink) {}

  void run() {
    open_device();
    const Suite suite = chosen();
    total_ = suite.host.size() + suite.disk.size() + suite.device.size() + suite.versus.size();
    if (request_.list) return list(suite);
    sink_(machine_record());
    for (const HostProbe& probe : suite.host)
      step(probe.id, [&] {
        one(probe.id, host_memory(probe.kind, probe.threads, host_array_bytes(probe.threads)),
            suite.max_time_s, nullptr);
      });
    for (const DiskProbe& probe : suite.disk)
      step(probe.id, [&] {
        if (request_.disk_path.empty())
          return sink_(skipped(probe.id, "no disk_path: a disk is measured on a file that the "
                                         "request names"));
        one(probe.id, disk_read(request_.disk_path, probe.block_bytes, probe.random, probe.threads),
            suite.max_time_s, nullptr);
      });
    for (const DeviceProbe& probe : suite.device)
      step(probe.id, [&] { on_device(probe, suite.max_time_s); });
    for (const Versus& versus : suite.versus)
      step(versus.id, [&] { compare_on_device(versus, suite.max_time_s); });
  }

private:
  void open_device() {
    if (request_.suite == "host" && request_.probes.empty()) {
      no_device_ = "not asked for";
      return;
    }
    try {
      device_ = std::make_unique<BenchDevice>(request_.backend, request_.device);
    } catch (const Error& e) {
      no_device_ = e.what();
    }
  }

  Suite chosen() const {
    SuiteInput input;
    input.processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    input.linears = request_.linears;
    if (device_) {
      input.device_memory_bytes = device_->info().memory_bytes;
      input.l2_bytes = device_->info().l2_bytes;
      input.devices = device_->count();
    }
    Suite suite = request_.suite == "host"           ? host_suite(input)
                  : request_.suite == "quick"        ? quick_suite(input)
                  : request_.suite == "before_after" ? before_after_suite(input)
                                                     : full_suite(input);
    if (!request_.probes.empty()) keep_named(suite);
    return suite;
  }

  void keep_named(Suite& suite) const {
    std::vector<std::string> known;
    const auto keep = [&](auto& probes) {
      for (const auto& probe : probes)
        known.push_back(probe.id);
      std::erase_if(probes, [&](const auto& probe) {
        return std::find(request_.probes.begin(), request_.probes.end(), probe.id) ==
               request_.probes.end();
      });
    };
    keep(suite.host);
    keep(suite.disk);
    keep(suite.device);
    keep(suite.versus);
    for (std::size_t i = 0; i < request_.probes.size(); ++i)
      if (std::find(known.begin(), known.end(), request_.probes[i]) == known.end())
        throw Error(DSK_STATUS_NOT_FOUND,
                    "probe \"" + preview_text(request_.probes[i], 80) + "\" is not in the suite " +
                        request_.suite + "; near it: " +
                        list_text(nearest_names(request_.probes[i], known, 3), "or"),
                    json::pointer("/probes", i));
  }

  void list(const Suite& suite) const {
    const auto each = [&](const auto& probes) {
      for (const auto& probe : probes)
        sink_({{"kind", "probe"}, {"name", probe.id}});
    };
    each(suite.host);
    each(suite.disk);
    each(suite.device);
    each(suite.versus);
  }

  template <class Body> void step(const std::string& id, Body&& body) {
    cancel_.check();
    try {
      body();
    } catch (const Error& e) {
      if (e.status() == DSK_STATUS_CANCELLED) throw;
      sink_(skipped(id, e.what()));
    }
    cancel_.progress(++done_, total_);
  }

  Options options_for(const std::string& id, double max_time_s, const Prepared& prepared) const {
    Options o;
    o.name = id;
    o.max_time_s = max_time_s;
    o.min_time_s = 0.2 * max_time_s;
    o.warmup_s = 0.1 * max_time_s;
    o.max_interval = 0.002;
    o.max_noise = 0.02;
    o.bytes = prepared.bytes;
    o.flops = prepared.flops;
    o.cancel = cancel_;
    return o;
  }

  static Json with_facts(Json line, const Prepared& prepared) {
    for (const auto& [name, value] : prepared.facts.items())
      line[name] = value;
    return line;
  }

  void one(const std::string& id, const Prepared& prepared, double max_time_s,
           const dsk_backend_bench_desc* desc) {
    Options o = options_for(id, max_time_s, prepared);
    if (!desc) {
      HostWatch watch;
      const Measurement m = measure(o, prepared.subject, &watch);
      return sink_(with_facts(document_of(m, o), prepared));
    }
    o.min_sample_s = 1e-3; // long beside a launch and the clock of device events
    DeviceWatch watch(device_->info().uuid);
    Measurement m = measure(o, prepared.subject, &watch);
    mark(m, *desc);
    sink_(with_parameters(with_facts(document_of(m, o), prepared), *desc));
  }

  static void mark(Measurement& m, const dsk_backend_bench_desc& desc) {
    if (desc.flags & DSK_BACKEND_BENCH_ZEROS)
      m.doubts.push_back({"zeros_as_data", "the operands are all zeros, on purpose: compare with "
                                           "the same product on random data"});
    // A chain of single launches is meant to show the host's time.
    if (desc.kind == DSK_BACKEND_BENCH_KERNELS || desc.kind == DSK_BACKEND_BENCH_GRAPH_BUILD)
      std::erase_if(m.doubts, [](const Doubt& d) { return d.name == "host_bound"; });
  }

  Json with_parameters(Json line, const dsk_backend_bench_desc& d) const {
    line["probe"] = bench_kind_name(d.kind);
    line["device"] = device_->info().name;
    line["device_uuid"] = device_->info().uuid;
    line["launch"] = d.flags & DSK_BACKEND_BENCH_GRAPH ? "graph" : "eager";
    line["programmatic_launch"] = (d.flags & DSK_BACKEND_BENCH_PDL) != 0;
    if (d.m) {
      line["dtype"] = dtype_name(d.dtype);
      line["m"] = d.m;
      line["n"] = d.n;
      line["k"] = d.k;
    }
    if (d.count) line["count"] = d.count;
    if (d.peer >= 0) {
      line["ordinal"] = request_.device;
      line["peer"] = d.peer;
      line["both_ways"] = (d.flags & DSK_BACKEND_BENCH_BOTH_WAYS) != 0;
    }
    if (d.kind == DSK_BACKEND_BENCH_ALL_REDUCE) {
      const int ranks = static_cast<int>(d.count);
      line["by"] = d.flags & DSK_BACKEND_BENCH_OWN ? "own" : "nccl";
      line["ranks"] = ranks;
      line["devices"] = std::min(ranks, device_->count());
    }
    return line;
  }

  void on_device(const DeviceProbe& probe, double max_time_s) {
    if (!device_) return sink_(skipped(probe.id, no_device_));
    one(probe.id, device_->prepare(probe.desc), max_time_s, &probe.desc);
  }

  void compare_on_device(const Versus& versus, double max_time_s) {
    if (!device_) return sink_(skipped(versus.id, no_device_));
    const Prepared before = device_->prepare(versus.before.desc);
    const Prepared after = device_->prepare(versus.after.desc);
    Options o = options_for(versus.id, max_time_s, before);
    o.min_sample_s = 1e-3;
    DeviceWatch watch_before(device_->info().uuid);
    DeviceWatch watch_after(device_->info().uuid);
    Comparison c = compare(o, before.subject, after.subject, &watch_before, &watch_after);
    mark(c.a, versus.before.desc);
    mark(c.b, versus.after.desc);
    c.a.name = versus.before.id;
    c.b.name = versus.after.id;
    Options of_after = o;
    of_after.bytes = after.bytes;
    of_after.flops = after.flops;
    sink_(with_parameters(with_facts(document_of(c.a, o), before), versus.before.desc));
    sink_(with_parameters(with_facts(document_of(c.b, of_after), after), versus.after.desc));
    Json line = document_of(c, o);
    line["question"] = versus.question;
    line["device"] = device_->info().name;
    sink_(line);
  }

  const Request& request_;
  const Cancel& cancel_;
  const LineSink& sink_;
  std::unique_ptr<BenchDevice> device_;
  std::string no_device_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

} // namespace

void run_probes(const Json& document, const Catalog& catalog, const Cancel& cancel,
                const LineSink& sink) {
  const Request request = read_request(document, catalog);
  Session(request, cancel, sink).run();
}

} // namespace dsk::bench
