#pragma once
// The utility of a following item (paper eq. 5): phi(s, Delta) = s / Delta^alpha, s its rating, Delta its latency.

#include <cmath>

namespace recpo::data {

inline double utility(double rating, double latency, double alpha) { return rating / std::pow(latency, alpha); }

}  // namespace recpo::data
