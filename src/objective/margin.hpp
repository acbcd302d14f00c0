#pragma once
// Margins gamma(phi_p, phi_d) between the utilities phi(s, Delta) = s / Delta^alpha of a preferred and a dispreferred
// item (paper eq. 5 and section 6.2). Each has its own rule where it is undefined: a logarithm's argument and a divisor
// are raised to kMarginFloor, and the result says so.

#include <string>

#include "src/objective/options.hpp"

namespace recpo::objective {

// Throws kBadInput unless the rating is finite and not negative and the latency finite and positive.
double utility(double rating, double latency, double alpha);

struct MarginValue {
  double gamma = 0;
  bool floored = false;  // an argument of a logarithm, or the divisor, was raised to kMarginFloor
};
inline constexpr double kMarginFloor = 1e-6;

// `name` is one of margin_names(). Throws kUsage for others.
MarginValue margin(const std::string& name, double lambda, double preferred_utility, double dispreferred_utility);

}  // namespace recpo::objective
