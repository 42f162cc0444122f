#include "base/error.hpp"
#include "catalog/documents.hpp"

namespace dsk {

LinkRecord link_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  RecordHead head = read_head(reader, "link");
  LinkRecord link;
  link.name = std::move(head.name);
  link.aliases = std::move(head.aliases);
  link.source = std::move(head.source);
  link.as_of = std::move(head.as_of);
  link.lane_gbs = reader.number("lane_gbs", 0.01, 10000);
  link.max_lanes = static_cast<int>(reader.integer("max_lanes", 1, 1024));
  link.latency_us = reader.number("latency_us", 0.01, 10000);
  link.latency_origin = reader.choice("latency_origin", {"measured", "datasheet", "assumed"});
  link.via = reader.text("via", "", 64);
  if (!link.via.empty()) link.via_lanes = static_cast<int>(reader.integer("via_lanes", 1, 1024));
  reader.text("note", "", 1024);
  reader.done();
  return link;
}

} // namespace dsk
