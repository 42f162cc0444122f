#include "base/csv.hpp"

#include "base/error.hpp"

namespace dsk {

CsvTable::CsvTable(std::string_view text, const std::string& path) {
  std::vector<std::string> row;
  std::string field;
  std::size_t line = 1;
  std::size_t header_fields = 0;
  bool quoted = false;
  bool any = false; // the row has begun
  const auto end_row = [&] {
    row.push_back(std::move(field));
    field.clear();
    if (header_fields == 0) {
      header_fields = row.size();
      for (std::size_t i = 0; i < row.size(); ++i)
        columns_[row[i]] = i;
    } else {
      if (row.size() != header_fields)
        invalid_request(path, "line " + std::to_string(line) + " has " +
                                  std::to_string(row.size()) + " fields, the header has " +
                                  std::to_string(header_fields));
      rows_.push_back(std::move(row));
    }
    row.clear();
    any = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        field += c;
      }
    } else if (c == '"') {
      quoted = any = true;
    } else if (c == ',') {
      row.push_back(std::move(field));
      field.clear();
      any = true;
    } else if (c == '\n') {
      if (any) end_row();
    } else if (c != '\r') {
      field += c;
      any = true;
    }
    line += c == '\n';
  }
  if (quoted) invalid_request(path, "a quoted field never ends");
  if (any) end_row();
  if (header_fields == 0) invalid_request(path, "the table has no header");
}

const std::string& CsvTable::at(std::size_t row, const std::string& column) const {
  static const std::string none;
  const auto found = columns_.find(column);
  return found == columns_.end() ? none : rows_[row][found->second];
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

} // namespace dsk
