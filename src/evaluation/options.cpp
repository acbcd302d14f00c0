#include "src/evaluation/options.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::evaluation {
namespace {
void require_choice(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw_usage("evaluate.{} = \"{}\" is not known; choices: {}", key, value, fmt::join(choices, ", "));
}
}  // namespace

void check(const EvaluationOptions& options) {
  for (const std::string& test : options.tests)
    require_choice("tests", test, {"main", "adherence", "avoidance", "history-length"});
  require_choice("split", options.split, {"valid", "test"});
  require_choice("match", options.match, {"exact", "contains"});
  if (options.batch_tokens < 1) throw_usage("evaluate.batch_tokens = {} must be at least 1", options.batch_tokens);
  if (options.max_eval_rows < 0)
    throw_usage("data.max_eval_rows = {} must be a number of rows, or 0 for all", options.max_eval_rows);
}

}  // namespace recpo::evaluation
