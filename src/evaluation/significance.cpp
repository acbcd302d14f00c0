#include "src/evaluation/significance.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/support/check.hpp"

namespace recpo::evaluation {

double mcnemar_exact(std::int64_t first_only, std::int64_t second_only) {
  RECPO_REQUIRE(first_only >= 0 && second_only >= 0);
  const auto n = static_cast<double>(first_only + second_only);
  const auto tail = static_cast<double>(std::min(first_only, second_only));
  // From the tail's largest term downwards: C(n, i - 1) = C(n, i) i / (n - i + 1). Terms fall at least geometrically
  // once they fall below rounding, so the loop ends early for large n.
  double term =
      std::exp(std::lgamma(n + 1) - std::lgamma(tail + 1) - std::lgamma(n - tail + 1) - n * std::numbers::ln2);
  double sum = 0;
  for (double i = tail; i >= 0 && sum + term > sum; --i) {
    sum += term;
    term *= i / (n - i + 1);
  }
  return std::min(1.0, 2 * sum);
}

}  // namespace recpo::evaluation
