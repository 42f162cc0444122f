// Build-time program: fact files -> one C++ source that defines fact_devices() and fact_tables().
// Usage: dsk_tables_compile OUT.cpp FACTS.csv...
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "perf/tables.hpp"

namespace {

using Fields = std::vector<std::string>;

Fields split(const std::string& line, char separator) {
  Fields fields;
  std::string field;
  std::istringstream stream(line);
  while (std::getline(stream, field, separator))
    fields.push_back(field);
  if (!line.empty() && line.back() == separator) fields.emplace_back();
  return fields;
}

struct Table {
  Fields head; // OP,GPU,ENGINE,VERSION,KERNEL,TYPE,KV,VARIANT
  std::string widths;
  std::vector<long> a, b, shapes;
  std::vector<unsigned> codes;
  std::size_t sizes = 0;
};

// Where the reader stands, for error messages.
std::string place;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", place.c_str(), what.c_str());
  std::exit(1);
}

long integer(const std::string& text) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end) fail("\"" + text + "\" is no integer");
  return value;
}

unsigned code_of(const std::string& text) {
  if (text.empty()) return 0;
  const double code =
      std::round((std::log(std::stod(text)) + dsk::perf::code_offset) * dsk::perf::code_scale);
  if (!(code >= 1 && code <= 65535))
    throw std::runtime_error("latency " + text + " us does not fit the coding");
  return static_cast<unsigned>(code);
}

std::string precision(const std::string& name) {
  return "Precision::" + (name == "-" ? std::string("bf16") : name);
}

// The numbers from `first` on, as the initialiser of a Widths.
std::string widths_of(const Fields& fields, std::size_t first) {
  std::string text = "Widths{{";
  for (std::size_t i = first; i < fields.size(); ++i) {
    const double width = std::stod(fields[i]);
    if (!(width >= 0.01 && width < 5.8)) fail("width " + fields[i] + " does not fit the coding");
    text += (i > first ? "," : "") + std::to_string(std::lround(40 * std::log(width / 0.01)));
  }
  return text + "}}";
}

template <class T>
void array(std::ostream& out, const char* type, const char* name, const T& values) {
  out << "constexpr " << type << ' ' << name << "[] = {";
  for (std::size_t i = 0; i < values.size(); ++i)
    out << (i == 0 ? "" : i % 24 == 0 ? ",\n" : ",") << values[i];
  out << "};\n";
}

} // namespace

int main(int argc, char** argv) {
  std::vector<Table> tables;
  std::vector<Fields> devices;
  std::map<std::string, std::string> widths;
  std::ostringstream transfers;
  Fields names{"*"};
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    std::string line;
    int number = 0;
    place = argv[i];
    if (!file) fail("cannot be read");
    while (std::getline(file, line)) {
      place = argv[i] + (":" + std::to_string(++number));
      if (line.empty() || line[0] == '#') continue;
      Fields f = split(line, ',');
      const std::string kind = f[0];
      f.erase(f.begin());
      if (kind == "device") {
        devices.push_back(f);
      } else if (kind == "table") {
        tables.push_back({});
        tables.back().head = f;
      } else if (kind == "shape") { // OP,GPU,ENGINE,KERNEL,TYPE,KV,VARIANT,half widths
        widths[f[0] + f[1] + f[2] + f[3] + f[4] + f[5] + f[6]] = widths_of(f, 7);
      } else if (kind == "transfer") { // OP,kin|far,TO,ENGINE,TYPE,KV,half widths; * = any
        const auto index_of = [&](const std::string& name) {
          const auto at = std::find(names.begin(), names.end(), name);
          if (at == names.end()) names.push_back(name);
          return std::find(names.begin(), names.end(), name) - names.begin();
        };
        transfers << "{KernelOp::" << f[0] << ", " << (f[1] == "kin" ? "true" : "false") << ", "
                  << index_of(f[2]) << ", " << index_of(f[3]) << ", "
                  << precision(f[4] == "*" ? "-" : f[4]) << ", "
                  << precision(f[5] == "*" ? "-" : f[5]) << ", " << (f[4] == "*" ? "true" : "false")
                  << ", " << widths_of(f, 6) << "},\n";
      } else if (kind == "a" || kind == "b") {
        for (const std::string& v : f)
          (kind == "a" ? tables.back().a : tables.back().b).push_back(integer(v));
      } else if (kind == "s") {
        Table& t = tables.back();
        const Fields sizes = split(f[0], ';');
        t.sizes = sizes.size();
        for (const std::string& v : sizes)
          t.shapes.push_back(integer(v));
        f.erase(f.begin());
        if (f.size() != t.a.size() * t.b.size())
          fail("has " + std::to_string(f.size()) + " latencies");
        for (const std::string& v : f)
          t.codes.push_back(code_of(v));
      } else {
        fail("unknown record " + kind);
      }
    }
  }
  std::vector<long> numbers;
  std::vector<unsigned> codes;
  std::ostringstream records;
  for (Table& t : tables) {
    const Fields& h = t.head;
    std::size_t device = 0;
    while (device < devices.size() && devices[device][0] != h[1])
      ++device;
    if (device == devices.size()) fail("no device " + h[1]);
    const auto found = widths.find(h[0] + h[1] + h[2] + h[4] + h[5] + h[6] + h[7]);
    if (found == widths.end())
      fail("no widths of " + h[0] + ' ' + h[1] + ' ' + h[2] + ' ' + h[4] + ' ' + h[5]);
    t.widths = found->second;
    const auto span = [&](const std::vector<long>& values) {
      std::ostringstream text;
      text << "{numbers + " << numbers.size() << ", " << values.size() << "}";
      numbers.insert(numbers.end(), values.begin(), values.end());
      return text.str();
    };
    records << "{KernelOp::" << h[0] << ", " << device << ", " << precision(h[5]) << ", "
            << precision(h[6]) << ", \"" << h[2] << "\", \"" << h[3] << "\", \"" << h[4] << "\", \""
            << h[7] << "\", " << t.widths << ", " << span(t.a) << ", ";
    records << span(t.b) << ", " << t.sizes << ", ";
    records << span(t.shapes) << ", {codes + " << codes.size() << ", " << t.codes.size() << "}},\n";
    codes.insert(codes.end(), t.codes.begin(), t.codes.end());
  }
  std::ofstream out(argv[1]);
  out << "// Generated from lib/perf/data; edit the data, not this file.\n"
         "#include \"perf/tables.hpp\"\nnamespace dsk::perf {\nnamespace {\n";
  array(out, "std::int32_t", "numbers", numbers);
  array(out, "std::uint16_t", "codes", codes);
  out << "constexpr FactTable tables[] = {\n" << records.str() << "};\n";
  out << "constexpr FactDevice devices[] = {\n";
  for (const Fields& d :
       devices) // rates by Element: fp32, tf32, bf16, fp16, fp8, int8, fp6, fp4, int4
    out << "{\"" << d[0] << "\", \"" << d[1] << "\", " << d[2] << "e3, {0, 0, " << d[3] << "e6, "
        << d[3] << "e6, " << d[4] << "e6, " << d[5] << "e6, 0, " << d[6] << "e6, 0}, " << d[7]
        << "e3, " << d[8] << "},\n";
  out << "};\nconstexpr TransferWidths transfers[] = {\n" << transfers.str();
  out << "};\nconstexpr std::string_view names[] = {\"\"";
  for (std::size_t i = 1; i < names.size(); ++i)
    out << ", \"" << names[i] << '"';
  out << "};\n} // namespace\n"
         "std::span<const std::string_view> transfer_names() { return names; }\n"
         "std::span<const TransferWidths> all_transfer_widths() { return transfers; }\n"
         "std::span<const FactDevice> fact_devices() { return devices; }\n"
         "std::span<const FactTable> fact_tables() { return tables; }\n"
         "} // namespace dsk::perf\n";
  return out.good() ? 0 : 1;
}
