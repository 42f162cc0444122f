#include "catalog/record.hpp"

#include "base/error.hpp"

namespace dsk {

Record record_from_document(const std::string& kind, const Json& document,
                            const std::string& path) {
  if (kind == "model") return model_from_document(document, path);
  if (kind == "device") return device_from_document(document, path);
  if (kind == "link") return link_from_document(document, path);
  if (kind == "engine") return engine_from_document(document, path);
  if (kind == "price") return price_list_from_document(document, path);
  if (kind == "dataset") return dataset_from_document(document, path);
  throw Error(DSK_STATUS_INTERNAL, "no loader for a document of kind " + kind, path);
}

} // namespace dsk
