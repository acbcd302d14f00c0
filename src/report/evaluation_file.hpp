#pragma once
// evaluation.json as numbers. Everything is optional, because a figure without rows is null and a test that was not
// asked for is absent; what is there must be of the right type and range.

#include <optional>
#include <string>
#include <vector>

#include "src/report/settings.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {

struct Estimate {  // a share of rows with its 95 % interval
  std::optional<double> value, low, high;
};

struct Ranked {  // from the candidates' scores
  int cutoff = 0;
  double hit_rate = 0, ndcg = 0;
};

struct TestFigures {
  std::string test;  // main | adherence | avoidance | "history-length 10-19"
  std::int64_t rows = 0, valid = 0, hits = 0;
  Estimate hit_rate, valid_ratio, valid_hit_rate;
  std::optional<double> chance;
  std::vector<Ranked> ranked;
};

struct SystemFigures {
  const System* system = nullptr;
  std::optional<TestFigures> main, adherence, avoidance;
  std::vector<TestFigures> history;
  Settings settings;  // empty in files that have none
};

// In the order of systems(). `source` names the text in errors (kBadInput).
std::vector<SystemFigures> parse_evaluation(const std::string& json, const std::string& source);

}  // namespace recpo::report
