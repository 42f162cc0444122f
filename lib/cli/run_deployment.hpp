// The deployment behind a request log, as a simulation request.
#pragma once

#include <string>

#include "dsk/dsk.hpp"

namespace dsk::cli {

/// What a log's meta.json says about the server.
class RunMeta {
public:
  /// `pointer` is where the deployment goes in the request. Throws UsageError for a file that is no
  /// JSON object.
  RunMeta(const std::string& path, const std::string& pointer);

  bool names_device() const;
  /// `device` and `model` replace the log's own when they are not empty. Throws UsageError with the
  /// file's name and the member.
  JsonValue deployment(const std::string& device, const std::string& model) const;

private:
  const JsonValue* find(const std::string& pointer) const;
  const JsonValue& need(const std::string& pointer, JsonValue::Kind kind,
                        const char* kind_name) const;
  std::int64_t integer(const std::string& pointer) const;
  std::string text(const std::string& pointer) const;

  std::string path_;
  JsonValue document_;
};

} // namespace dsk::cli
