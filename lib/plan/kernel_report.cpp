#include "plan/kernel_report.hpp"

#include <optional>

#include "base/reader.hpp"
#include "perf/validate.hpp"
#include "plan/request.hpp"

namespace dsk::plan {

KernelAnswer validate_kernels(const Json& request, std::string_view csv, const Catalog& catalog) {
  Reader r(request, "");
  std::optional<Catalog> own;
  const Catalog& facts = request_catalog(request, catalog, own);
  r.find("catalog");
  const Device device = facts.device(r.text("device"), "/device");
  const std::string hold_out =
      r.choice("hold_out", {"none", "shape", "gpu", "device", "frontier"}, "none");
  r.done();
  const perf::HoldOut mode = hold_out == "shape"      ? perf::HoldOut::shape
                             : hold_out == "gpu"      ? perf::HoldOut::gpu
                             : hold_out == "device"   ? perf::HoldOut::device
                             : hold_out == "frontier" ? perf::HoldOut::frontier
                                                      : perf::HoldOut::none;
  const perf::KernelReport report = perf::validate_kernels(csv, device, mode);
  KernelAnswer answer;
  Json& out = answer.report;
  out["schema"] = 1;
  out["device"] = device.name;
  out["hold_out"] = hold_out;
  out["rows"] = report.rows.size();
  const auto counts = [](const auto& pairs) {
    Json list = Json::array();
    for (const auto& [reason, rows] : pairs)
      list.push_back({{"reason", reason}, {"rows", rows}});
    return list;
  };
  out["not_predicted"] = counts(report.not_predicted);
  out["flagged"] = counts(report.flagged);
  out["scores"] = Json::array();
  for (const perf::KernelScore& s : report.scores) {
    Json line;
    line["op"] = s.op;
    line["engine"] = s.engine;
    line["type"] = s.type;
    line["size"] = s.size_class;
    line["flagged"] = s.flagged;
    line["rows"] = s.rows;
    line["median"] = json::significant(s.median, 4);
    line["mean"] = json::significant(s.mean, 4);
    line["p90"] = json::significant(s.p90, 4);
    line["bias"] = json::significant(s.bias, 4);
    line["coverage"] = json::significant(s.coverage, 4);
    out["scores"].push_back(std::move(line));
  }
  answer.predictions = perf::predictions_csv(report);
  return answer;
}

} // namespace dsk::plan
