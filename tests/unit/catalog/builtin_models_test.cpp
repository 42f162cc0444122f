#include <doctest/doctest.h>

#include <cmath>

#include "catalog/catalog.hpp"
#include "perf/weights.hpp"

TEST_CASE("print") {
  const dsk::Catalog catalog;
  for (const std::string& name : catalog.model_names()) {
    try {
      const dsk::Model m = catalog.model(name, "");
      const auto w = dsk::perf::weights_of(m);
      const double p = double(dsk::perf::parameter_count(m, w));
      double bytes = 0, mtp = 0, vis = 0;
      auto sum = [&](const auto& l) { double s = 0; for (auto& x : l) s += double(x.bytes()); return s; };
      bytes += sum(w.embedding) + sum(w.head) + sum(w.engram);
      for (int k : m.layer_kinds) bytes += sum(w.kinds[size_t(k)]);
      for (auto& l : w.mtp) mtp += sum(l);
      vis = sum(w.vision);
      double pv = 0; for (auto& x : w.vision) pv += double(x.parameters());
      std::printf("%-32s %12.6f pub %10.4f err %+.4f%% active %7.3f  bytes %.4f GB mtp %.3f vis %.3f (%.1fM) %zu kinds %s\n", name.c_str(), p / 1e9,
                  double(m.published_parameters) / 1e9, (p / double(m.published_parameters) - 1) * 100,
                  double(dsk::perf::active_parameter_count(m, w)) / 1e9, bytes / 1e9, mtp / 1e9, vis / 1e9, pv/1e6, m.kinds.size(), m.warnings.empty() ? "" : m.warnings[0].c_str());
    } catch (const std::exception& e) { std::printf("%s: %s\n", name.c_str(), e.what()); }
  }
}
