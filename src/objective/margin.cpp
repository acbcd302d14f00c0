#include "src/objective/margin.hpp"

#include <fmt/ranges.h>

#include <cmath>

#include "src/data/rows.hpp"
#include "src/support/check.hpp"

namespace recpo::objective {
namespace {
// Raises what must be positive, and remembers that it had to. A NaN passes through: it must reach the loss.
class Floor {
 public:
  double operator()(double value) {
    if (!(value < kMarginFloor)) return value;
    floored_ = true;
    return kMarginFloor;
  }
  bool floored() const { return floored_; }

 private:
  bool floored_ = false;
};

// A line here adds a margin: choices of align.margin and reports follow.
struct Margin {
  const char* name;
  double (*unscaled)(double preferred, double dispreferred, Floor& floor);  // gamma / lambda
};

constexpr Margin kMargins[] = {
    {"ratio", [](double p, double d, Floor& floor) { return p / floor(d); }},
    {"log-ratio", [](double p, double d, Floor& floor) { return std::log(floor(p)) - std::log(floor(d)); }},
    {"log-diff", [](double p, double d, Floor& floor) { return std::log(floor(1 + p - d)); }},
    {"log-diff-printed", [](double p, double d, Floor& floor) { return std::log(floor(p - d)); }},
};
}  // namespace

double utility(double rating, double latency, double alpha) {
  if (!(std::isfinite(rating) && rating >= 0)) throw_input("a rating must be a number from 0 on, not {}", rating);
  if (!(std::isfinite(latency) && latency > 0)) throw_input("a latency must be a positive number, not {}", latency);
  return data::utility(rating, latency, alpha);
}

MarginValue margin(const std::string& name, double lambda, double preferred_utility, double dispreferred_utility) {
  for (const Margin& known : kMargins) {
    if (name != known.name) continue;
    Floor floor;
    const double unscaled = known.unscaled(preferred_utility, dispreferred_utility, floor);
    return {lambda * unscaled, floor.floored()};
  }
  throw_usage("align.margin = \"{}\" is not known; choices: {}", name, fmt::join(margin_names(), ", "));
}

std::vector<std::string> margin_names() {
  std::vector<std::string> names;
  for (const Margin& known : kMargins) names.emplace_back(known.name);
  return names;
}

}  // namespace recpo::objective
