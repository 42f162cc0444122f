#include "load/record.hpp"

namespace dsk::load {

std::string outcome_name(Outcome outcome) {
  if (outcome >= Outcome::http)
    return "http_" + std::to_string(static_cast<std::uint32_t>(outcome) -
                                    static_cast<std::uint32_t>(Outcome::http));
  switch (outcome) {
  case Outcome::completed:
    return "completed";
  case Outcome::refused:
    return "connection_refused";
  case Outcome::resolve:
    return "host_not_found";
  case Outcome::certificate:
    return "certificate";
  case Outcome::tls:
    return "tls";
  case Outcome::connect_timeout:
    return "connect_timeout";
  case Outcome::timeout:
    return "timeout";
  case Outcome::network:
    return "connection_lost";
  case Outcome::malformed:
    return "malformed_response";
  case Outcome::cut:
    return "stream_cut";
  case Outcome::line_too_long:
    return "line_too_long";
  case Outcome::too_long:
    return "response_too_long";
  case Outcome::server_error:
    return "error_in_stream";
  case Outcome::empty:
    return "no_tokens";
  case Outcome::local:
    return "generator_out_of_sockets";
  case Outcome::stopped: // never recorded
  case Outcome::http:
    break;
  }
  return "unknown";
}

void put_number(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to += static_cast<char>(0x80 | (value & 0x7f));
  to += static_cast<char>(value);
}

bool take_number(std::string_view& from, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

std::string encoded(const Record& r) {
  std::string out;
  out.reserve(48 + 3 * r.gaps_us.size());
  for (const std::uint64_t value :
       {r.index, r.scheduled_ns, r.delay_ns, r.ttft_ns, r.e2e_ns, r.decode_ns, r.input_tokens,
        r.output_tokens, std::uint64_t{r.counted_by_server}, static_cast<std::uint64_t>(r.outcome),
        static_cast<std::uint64_t>(r.gaps_us.size())})
    put_number(out, value);
  std::uint32_t before = 0;
  for (const std::uint32_t gap : r.gaps_us) {
    put_number(out, gap - before);
    before = gap;
  }
  return out;
}

std::optional<Record> decoded(std::string_view bytes) {
  Record r;
  std::uint64_t by_server = 0;
  std::uint64_t outcome = 0;
  std::uint64_t gaps = 0;
  for (std::uint64_t* value :
       {&r.index, &r.scheduled_ns, &r.delay_ns, &r.ttft_ns, &r.e2e_ns, &r.decode_ns,
        &r.input_tokens, &r.output_tokens, &by_server, &outcome, &gaps})
    if (!take_number(bytes, *value)) return std::nullopt;
  if (gaps > bytes.size()) return std::nullopt; // each takes a byte at least
  r.counted_by_server = by_server != 0;
  r.outcome = static_cast<Outcome>(outcome);
  r.gaps_us.reserve(gaps);
  std::uint64_t gap = 0;
  for (std::uint64_t i = 0; i < gaps; ++i) {
    std::uint64_t step = 0;
    if (!take_number(bytes, step)) return std::nullopt;
    gap += step;
    r.gaps_us.push_back(static_cast<std::uint32_t>(gap));
  }
  if (!bytes.empty()) return std::nullopt;
  return r;
}

} // namespace dsk::load
