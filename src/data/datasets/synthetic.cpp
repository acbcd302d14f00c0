// Synthetic data with a known Bayes-optimal recommender (src/data/synthetic.hpp): generated, no files.

#include "src/data/synthetic.hpp"

#include <cmath>

#include "src/data/dataset.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
constexpr std::int64_t kStart = 1000000000, kSecondsPerDay = 86400;

void generate(const DataOptions& options, RatingsBuilder& builder) {
  const SyntheticWorld world(options.synthetic);
  for (std::int64_t item = 0; item < world.items(); ++item) builder.add_item(std::to_string(item), world.title(item));
  for (std::int64_t user = 0; user < options.synthetic.users; ++user)
    for (const SyntheticInteraction& taken : world.interactions(user))
      builder.add_interaction(std::to_string(user), std::to_string(taken.item), taken.rating,
                              kStart + std::llround(taken.days * kSecondsPerDay));
}
}  // namespace

extern const Dataset synthetic;
const Dataset synthetic = {.name = "synthetic", .domain = "synthetic", .title = "synthetic data", .generate = generate};

}  // namespace recpo::data
