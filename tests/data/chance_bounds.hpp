#pragma once
// How far sums of bounded random numbers stray from what is expected of them: past these bounds with a chance below
// kFalseAlarm (Hoeffding 1963, theorem 1; Azuma 1967 for steps that depend on what came before).

#include <cmath>
#include <cstdint>

namespace recpo {

inline constexpr double kFalseAlarm = 1e-9;

// Of the sum of `count` independent numbers, or of steps with mean 0 whatever came before, each in an interval of
// length `width` that is known before it is drawn.
inline double stray(std::int64_t count, double width = 1) {
  return width * std::sqrt(static_cast<double>(count) * std::log(2 / kFalseAlarm) / 2);
}

}  // namespace recpo
