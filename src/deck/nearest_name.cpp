#include "src/deck/nearest_name.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "src/support/check.hpp"

namespace recpo::deck {
namespace {

// Optimal string alignment, row by row.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> current(b.size() + 1), previous(b.size() + 1), before(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) current[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(previous);
    previous.swap(current);
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 1);
    }
  }
  return current[b.size()];
}

}  // namespace

const std::string& nearest_name(std::string_view name, std::span<const std::string> known) {
  RECPO_REQUIRE(!known.empty());
  std::size_t best = 0, best_distance = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = 0; i < known.size(); ++i) {
    const std::size_t distance = edit_distance(name, known[i]);
    if (distance < best_distance) best = i, best_distance = distance;
  }
  return known[best];
}

}  // namespace recpo::deck
