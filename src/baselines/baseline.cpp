#include "src/baselines/baseline.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::baselines {

#define RECPO_BASELINE(name) extern const Baseline name;
#include "baseline_list.inc"
#undef RECPO_BASELINE

const std::vector<const Baseline*>& baselines() {
#define RECPO_BASELINE(name) &name,
  static const std::vector<const Baseline*> all = {
#include "baseline_list.inc"
  };
#undef RECPO_BASELINE
  return all;
}

std::vector<std::string> baseline_names() {
  std::vector<std::string> names;
  for (const Baseline* baseline : baselines()) names.emplace_back(baseline->name);
  std::ranges::sort(names);
  return names;
}

const Baseline& find_baseline(const std::string& name) {
  for (const Baseline* baseline : baselines())
    if (name == baseline->name) return *baseline;
  throw_usage("baseline.model = \"{}\" is none of {}", name, fmt::join(baseline_names(), ", "));
}

evaluation::Answer best_answer(const data::Row& row, std::vector<double> scores, bool with_scores) {
  RECPO_REQUIRE(!scores.empty() && scores.size() == row.candidates.size());
  std::size_t best = 0;
  for (std::size_t c = 1; c < scores.size(); ++c)
    if (scores[c] > scores[best]) best = c;
  evaluation::Answer answer{row.candidates[best].title, {}};
  if (with_scores) answer.scores = std::move(scores);
  return answer;
}

}  // namespace recpo::baselines
