#include "cli/csv.hpp"

#include "cli/command.hpp"

namespace dsk::cli {
namespace {

class Lines {
public:
  Lines(const std::string& text, const std::string& what) : text_(text), what_(what) {}

  int line() const { return line_; }

  // The fields of the next row; empty at the end of the text.
  std::vector<std::string> next() {
    std::vector<std::string> fields;
    if (at_ >= text_.size()) return fields;
    ++line_;
    std::string field;
    bool quoted = false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (quoted) {
        if (c != '"')
          field += c;
        else if (at_ < text_.size() && text_[at_] == '"')
          field += text_[at_++];
        else
          quoted = false;
      } else if (c == '"') {
        quoted = true;
      } else if (c == ',') {
        fields.push_back(std::move(field));
        field.clear();
      } else if (c == '\n') {
        break;
      } else if (c != '\r') {
        field += c;
      }
    }
    if (quoted)
      throw UsageError(what_ + ": the quote in row " + std::to_string(line_) + " never closes");
    fields.push_back(std::move(field));
    return fields;
  }

private:
  const std::string& text_;
  const std::string& what_;
  std::size_t at_ = 0;
  int line_ = 0;
};

} // namespace

std::vector<std::map<std::string, std::string>> parse_csv(const std::string& text,
                                                          const std::string& what) {
  Lines lines(text, what);
  const auto header = lines.next();
  std::vector<std::map<std::string, std::string>> rows;
  for (auto fields = lines.next(); !fields.empty(); fields = lines.next()) {
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (fields.size() != header.size())
      throw UsageError(what + ": row " + std::to_string(lines.line()) + " has " +
                       std::to_string(fields.size()) + " fields, the header has " +
                       std::to_string(header.size()));
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < header.size(); ++i)
      row[header[i]] = std::move(fields[i]);
  }
  return rows;
}

} // namespace dsk::cli
