// Memory of one deployment as a document: request in, every term of the fullest device out.
// docs/schema/memory-request.schema.json and memory-answer.schema.json describe both.
#pragma once

#include "base/json.hpp"
#include "catalog/catalog.hpp"

namespace dsk::plan {

/// Pure: the same request and catalogue give the same document. Throws INVALID_REQUEST or NOT_FOUND
/// with a JSON pointer; a model that does not fit is an answer.
Json memory_document(const Json& request, const Catalog& catalog);

} // namespace dsk::plan
