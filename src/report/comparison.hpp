#pragma once
// Systems compared on the rows that both answered: the difference in HR@1 and McNemar's exact test.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"
#include "src/report/predictions_file.hpp"

namespace recpo::report {

struct PairedTest {
  std::int64_t rows = 0, first_only = 0, second_only = 0;
  double difference = 0, p_value = 1;
};
// Rows with the same number and the same question. nullopt: there is none.
std::optional<PairedTest> compare(const Answers& first, const Answers& second);

// What compare() looks at, one common row after the other.
void for_each_pair(const Answers& first, const Answers& second,
                   const std::function<void(const Answer&, const Answer&)>& visit);

// "RecPO against SFT: HR@1 +0.0297 (90 of 943 rows won, 62 lost), McNemar p = 0.028: significantly better." for the
// pairs of interest among `figures`; without predictions the difference alone.
std::vector<std::string> reading_lines(const std::vector<SystemFigures>& figures, const AnswersOfSystem& answers);

}  // namespace recpo::report
