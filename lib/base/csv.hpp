// Comma-separated values with a header line, as RFC 4180 quotes them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dsk {

class CsvTable {
public:
  /// Throws INVALID_REQUEST at `path`, with the line, for a row that has another number of fields
  /// than the header and for a quote that never closes.
  CsvTable(std::string_view text, const std::string& path);

  std::size_t rows() const noexcept { return rows_.size(); }
  bool has(const std::string& column) const { return columns_.count(column) > 0; }
  /// Empty for a column that the table lacks.
  const std::string& at(std::size_t row, const std::string& column) const;

private:
  std::map<std::string, std::size_t> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// A field with quotes around it where it needs them.
std::string csv_field(std::string_view text);

} // namespace dsk
