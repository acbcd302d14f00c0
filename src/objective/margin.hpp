#pragma once
// Margins gamma(phi_p, phi_d) between the utilities phi(s, Delta) = s / Delta^alpha of a preferred and a dispreferred
// item (paper eq. 5 and section 6.2). Each has its own rule where it is undefined: a logarithm's argument and a divisor
// are raised to kMarginFloor, and the result says so.

#include <string>
#include <vector>

namespace recpo::objective {

// Throws kBadInput unless the rating is finite and not negative and the latency finite and positive.
double utility(double rating, double latency, double alpha);

struct MarginValue {
  double gamma = 0;
  bool floored = false;  // an argument of a logarithm, or the divisor, was raised to kMarginFloor
};
inline constexpr double kMarginFloor = 1e-6;

//   ratio            lambda phi_p / phi_d
//   log-ratio        lambda (log phi_p - log phi_d)
//   log-diff         lambda log(1 + phi_p - phi_d)
//   log-diff-printed lambda log(phi_p - phi_d)
// Throws kUsage for other names.
MarginValue margin(const std::string& name, double lambda, double preferred_utility, double dispreferred_utility);
std::vector<std::string> margin_names();

}  // namespace recpo::objective
