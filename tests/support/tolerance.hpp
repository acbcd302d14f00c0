#pragma once
// Bounds on rounding, derived and never tuned. u is the unit roundoff of the type in which elements stored as T are
// computed; k roundings in a row are off by at most gamma(k) = k u / (1 - k u) relative to the sum of the magnitudes
// involved (Higham 2002, chapter 3). Where T is a shorter type, storing a result rounds once more, by s.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::test {

template <class T>
double unit_roundoff() {
  return std::numeric_limits<Accumulate<T>>::epsilon() / 2;
}

// s: bfloat16 keeps 8 binary digits, so that a value is at most 2^-8 of itself from the nearest; 0 where a result is
// stored as it was computed.
template <class T>
double storage_roundoff() {
  return std::is_same_v<T, Bfloat16> ? 0x1p-8 : 0;
}

// How far a result may be from `expected` as stored, when it was off by at most `error` as computed.
template <class T>
double stored(double error, double expected) {
  return error + storage_roundoff<T>() * (std::abs(expected) + error);
}

template <class T>
double gamma(double roundings) {
  const double ku = roundings * unit_roundoff<T>();
  return ku / (1 - ku);
}

// gamma of a kernel in T plus that of its fp64 reference, which may take a longer way.
template <class T>
double gamma(double roundings, double reference_roundings) {
  return gamma<T>(roundings) + gamma<double>(reference_roundings);
}

// The longest chain of additions in Row::sum over n elements (kernels/row.hpp). Host: 64 in a lane, one a block of
// 4096, 6 across lanes. Device: 4 a thread or n / 1024, 10 across a team.
inline double sum_depth(std::int64_t n) {
  return std::min<double>(static_cast<double>(n), 70 + std::ceil(static_cast<double>(n) / 1024));
}

// An error of exp of at most 2 ulp, in units of u.
inline constexpr double kExpRoundings = 4;

// |actual - expected| <= bound(i), every element; reports the worst only. The smallest normal T is always allowed:
// a gradual underflow is not relative.
template <class T>
void expect_within(const std::vector<double>& actual, const std::vector<double>& expected,
                   const std::function<double(std::int64_t)>& bound, const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  std::int64_t worst = -1;
  double worst_ratio = 1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double allowed = bound(static_cast<std::int64_t>(i)) + std::numeric_limits<Accumulate<T>>::min();
    const double ratio = std::abs(actual[i] - expected[i]) / allowed;
    if (ratio <= worst_ratio) continue;  // false for NaN
    worst = static_cast<std::int64_t>(i);
    worst_ratio = ratio;
    if (std::isnan(ratio)) break;
  }
  if (worst >= 0) {
    ADD_FAILURE() << what << "[" << worst << "] is " << actual[worst] << " instead of " << expected[worst] << ", "
                  << worst_ratio << " times its bound " << bound(worst);
  }
}

}  // namespace recpo::test
