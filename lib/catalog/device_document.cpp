#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/documents.hpp"

namespace dsk {
namespace {

// What a group says of its own origin adds to what the record says; its date replaces the record's.
FactSource read_source(const Device& device, Reader& group) {
  FactSource facts{device.source, device.as_of};
  if (group.has("source")) facts.source += "; " + group.text("source", 1024);
  if (group.has("as_of")) facts.as_of = read_date(group, "as_of");
  return facts;
}

// A driver reports at most what the chips hold: vendors sell 80 GB and mean 80 GiB less what the
// driver keeps, so the two differ by up to the 7.4 % between the units.
constexpr double driver_over_datasheet_min = 0.85;
constexpr double driver_over_datasheet_max = 1.08;

void read_memory(Device& device, Reader memory) {
  device.memory_type = memory.text("type", 32);
  device.memory_datasheet_gb = memory.number("datasheet_gb", 0.5, 16384);
  device.bandwidth_gbs = memory.number("bandwidth_gbs", 10, 1000000);
  const auto within = [&](const char* member) {
    const double value = memory.number(member, 1, 16384 * 1024.0);
    const double ratio = value * mib / (device.memory_datasheet_gb * 1e9);
    if (ratio < driver_over_datasheet_min || ratio > driver_over_datasheet_max)
      memory.fail(member, "must be in MiB and within " + fixed_text(driver_over_datasheet_min, 2) +
                              " to " + fixed_text(driver_over_datasheet_max, 2) +
                              " times datasheet_gb (" + number_text(device.memory_datasheet_gb) +
                              " GB)");
    return static_cast<std::int64_t>(std::llround(value * mib));
  };
  if (memory.has("driver_mib")) {
    device.memory_bytes = within("driver_mib");
    device.memory_origin = "driver";
  } else {
    device.memory_bytes = static_cast<std::int64_t>(std::llround(device.memory_datasheet_gb * 1e9));
    device.memory_origin = "datasheet";
  }
  if (memory.has("runtime_mib")) {
    device.runtime_bytes = within("runtime_mib");
    if (device.runtime_bytes > device.memory_bytes)
      memory.fail("runtime_mib", "must be at most what the driver reports");
  }
  device.memory_source = read_source(device, memory);
  memory.text("note", "", 1024);
  memory.done();
}

void read_peaks(std::array<double, element_count>& peaks, Reader group) {
  for (int i = 0; i < element_count; ++i) {
    const auto element = static_cast<Element>(i);
    if (const auto peak = group.optional_number(element_name(element), 0.01, 1000000))
      peaks[static_cast<std::size_t>(i)] = *peak;
  }
  group.done();
}

void read_compute(Device& device, Reader compute) {
  device.multiprocessors = static_cast<int>(compute.integer("multiprocessors", 1, 1000000, 0));
  const double l2_mib = compute.number("l2_mib", 0.01, 1000000, 0);
  device.l2_bytes = static_cast<std::int64_t>(std::llround(l2_mib * mib));
  read_peaks(device.dense_tflops, compute.object("dense_tflops"));
  if (device.dense_peak(Element::bf16) <= 0 && device.dense_peak(Element::fp16) <= 0)
    invalid_request(json::pointer(compute.path_of("dense_tflops"), "bf16"),
                    "bf16 is missing; a device needs its dense bf16 or fp16 peak");
  if (const auto peak = compute.optional_number("fp16_sum_tflops", 0.01, 1000000)) {
    if (*peak < device.dense_peak(Element::fp16))
      compute.fail("fp16_sum_tflops", "must not be below dense_tflops/fp16");
    device.fp16_sum_tflops = *peak;
  }
  if (auto sparse = compute.optional_object("sparse_tflops")) {
    read_peaks(device.sparse_tflops, *sparse);
    for (std::size_t i = 0; i < device.sparse_tflops.size(); ++i) {
      const double dense = device.dense_tflops[i];
      const double peak = device.sparse_tflops[i];
      // 2:4 sparsity skips half of the products; a figure beyond that is dense and sparse mixed up.
      // Data sheets round each side: L40S prints 362 and 733.
      if (peak > 0 && (peak < dense || peak > 2.03 * dense))
        sparse->fail(element_name(static_cast<Element>(i)),
                     "must be from 1 to 2 times the dense peak (" + number_text(dense) + ")");
    }
  }
  device.compute_source = read_source(device, compute);
  compute.text("note", "", 1024);
  compute.done();
}

void read_power(Device& device, Reader power) {
  device.power_w = power.number("limit_w", 1, 100000);
  device.power_origin = power.choice("origin", {"datasheet", "measured", "assumed"}, "datasheet");
  device.idle_power_w = power.number("idle_w", 0.01, 100000, 0);
  if (device.idle_power_w >= device.power_w)
    power.fail("idle_w", "must be below limit_w (" + number_text(device.power_w) + ")");
  device.power_source = read_source(device, power);
  power.text("note", "", 1024);
  power.done();
}

// Either the name of a link record with the device's lanes, or the link itself.
Link read_link(Reader reader, bool with_domain) {
  Link link;
  if (reader.has("link")) {
    link.kind = reader.text("link", 64);
    link.lanes = static_cast<int>(reader.integer("lanes", 1, 1024));
  } else {
    link.kind = reader.text("name", 64);
    link.lanes = 1;
    link.bandwidth_gbs = reader.number("bandwidth_gbs", 0.1, 100000);
    link.latency_us = reader.number("latency_us", 0.01, 10000);
    link.latency_origin = reader.choice("latency_origin", {"measured", "datasheet", "assumed"});
  }
  if (with_domain) link.domain = static_cast<int>(reader.integer("domain", 2, 65536));
  reader.done();
  return link;
}

void read_links(Device& device, Reader links) {
  device.per_node = static_cast<int>(links.integer("per_node", 1, 1024));
  device.host = read_link(links.object("host"), false);
  if (auto link = links.optional_object("scale_up")) device.scale_up = read_link(*link, true);
  if (auto link = links.optional_object("scale_out")) device.scale_out = read_link(*link, false);
  device.links_source = read_source(device, links);
  links.text("note", "", 1024);
  links.done();
}

void read_mig(Device& device, Reader& reader) {
  const auto items = reader.array("mig", 32);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Reader item(*items[i], json::pointer(reader.path_of("mig"), i));
    MigProfile profile;
    profile.name = item.text("profile", 32);
    profile.instances = static_cast<int>(item.integer("instances", 1, 64));
    profile.compute_fraction = item.number("compute_fraction", 0.001, 1);
    profile.memory_fraction = item.number("memory_fraction", 0.001, 1);
    // Fractions are published as sevenths and eighths and written with a few digits.
    const auto fits = [&](double fraction) { return fraction * profile.instances <= 1.005; };
    if (!fits(profile.compute_fraction) || !fits(profile.memory_fraction))
      item.fail("instances", "must fit into the whole device with its fractions");
    item.done();
    device.mig.push_back(std::move(profile));
  }
}

void read_measured(Device& device, Reader& reader) {
  const auto items = reader.array("measured", 64);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Reader item(*items[i], json::pointer(reader.path_of("measured"), i));
    Measurement figure;
    figure.quantity = item.text("quantity", 64);
    figure.value = item.number("value", 0, 1e15);
    figure.conditions = item.text("conditions", "", 512);
    figure.source = item.text("source", 1024);
    figure.as_of = read_date(item, "as_of");
    item.done();
    if (figure.quantity == "memory_read_gbs" && figure.value > device.bandwidth_gbs)
      item.fail("value", "must be at most the datasheet's bandwidth (" +
                             number_text(device.bandwidth_gbs) + " GB/s)");
    device.measured.push_back(std::move(figure));
  }
}

} // namespace

Device device_from_document(const Json& document, const std::string& path) {
  Reader reader(document, path);
  RecordHead head = read_head(reader, "device");
  Device device;
  device.name = std::move(head.name);
  device.aliases = std::move(head.aliases);
  device.source = std::move(head.source);
  device.as_of = std::move(head.as_of);
  device.vendor = reader.text("vendor", 64);
  device.family = reader.text("family", 64);
  read_memory(device, reader.object("memory"));
  read_compute(device, reader.object("compute"));
  read_power(device, reader.object("power"));
  read_links(device, reader.object("links"));
  read_mig(device, reader);
  read_measured(device, reader);
  reader.text("note", "", 1024);
  reader.done();
  return device;
}

} // namespace dsk
