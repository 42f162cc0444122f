// Elementary functions from + - * / and sqrt alone, which IEEE 754 fixes to the last bit: the same
// argument gives the same bits on every platform. Errors are within 2 units in the last place.
#pragma once

namespace dsk::exact {

/// Natural logarithm of a positive, finite number.
double log(double x) noexcept;
/// e^x; 0 below -745, infinity above 709.7.
double exp(double x) noexcept;
/// Quantile of the standard normal distribution for 0 < p < 1 (rational
/// approximation AS 241, Wichura 1988; relative error about 1e-16).
double normal_quantile(double p) noexcept;

} // namespace dsk::exact
