#pragma once
// What a deck's section [evaluate] says.

#include <cstdint>
#include <string>
#include <vector>

namespace recpo::evaluation {

struct EvaluationOptions {
  std::vector<std::string> tests = {"main"};  // main | adherence | avoidance | history-length
  std::string split = "test";                 // valid | test
  std::string match = "exact";                // exact | contains
  std::int64_t batch_tokens = 8192;
  bool rank_candidates = false;
  std::int64_t max_eval_rows = 0;  // [data] max_eval_rows: limits each split; 0 = all
};
void check(const EvaluationOptions& options);  // throws kUsage naming the key and the choices

}  // namespace recpo::evaluation
