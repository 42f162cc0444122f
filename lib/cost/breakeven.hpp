// Rented against owned: after how many months, and above which utilisation, owning is cheaper.
#pragma once

#include <optional>

#include "cost/ownership.hpp"

namespace dsk::cost {

/// One machine park that could be owned or rented for the same work.
struct Rivals {
  OwnershipTerms own;       // power_kw is the draw at full load
  double idle_power_kw = 0; // draw when nothing runs
  double devices = 1;       // rented in its place
  double cloud_usd_per_device_hour = 0;
  /// Hours used over all hours. A rented device is paid when used, save under a commitment, which
  /// is paid always.
  double utilisation = 1;
  bool committed = false;
};

struct BreakEven {
  double own_usd = 0;   // present total over the life, at the given utilisation
  double cloud_usd = 0; // rent over the same time, discounted alike
  double own_usd_per_used_device_hour = 0;
  /// Months until what has been paid for owning (no resale counted, no discounting) is below the
  /// rent paid; absent when rent never catches up. May lie behind the life: then it does not pay.
  std::optional<double> months;
  /// Utilisation from which owning is cheaper over the whole life, resale counted. Above 1: never.
  /// Absent under a commitment, whose rent does not depend on it, and when rent for one more hour
  /// is below the energy it would cost at home.
  std::optional<double> utilisation;
};

BreakEven break_even(const Rivals& rivals);

} // namespace dsk::cost
