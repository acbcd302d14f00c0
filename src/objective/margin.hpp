#pragma once
// Margins gamma(phi_p, phi_d) between the utilities phi(s, Delta) = s / Delta^alpha of a preferred and a dispreferred
// item (paper eq. 5 and section 6.2). Each has its own rule where its logarithm is undefined.

#include <string>
#include <vector>

namespace recpo::objective {

double utility(double rating, double latency, double alpha);

struct MarginValue {
  double gamma = 0;
  bool floored = false;  // the argument of the logarithm was raised to kMarginFloor
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
