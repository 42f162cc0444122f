// The handle behind dsk_cancel; modules see only base/cancel.hpp.
#pragma once

#include "base/cancel.hpp"
#include "capi/guard.hpp"

struct dsk_cancel : dsk::capi::Counted {
  std::shared_ptr<dsk::CancelState> state = std::make_shared<dsk::CancelState>();
};

namespace dsk::capi {

inline Cancel cancel_of(const dsk_cancel* cancel) {
  return cancel ? Cancel(cancel->state) : Cancel();
}

} // namespace dsk::capi
