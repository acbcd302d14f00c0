#pragma once
// Systems compared on the rows that both answered: the difference in HR@1 and McNemar's exact test.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

// hit by row id, of one system on the main test's rows
using Hits = std::map<std::int64_t, bool>;
using HitsOfSystem = std::map<std::string, Hits>;

// predictions.jsonl. A later line replaces an earlier one of the same system and row. Rows of the test split; where
// there are none, of the validation split. Throws kBadInput naming `source` and the line.
HitsOfSystem parse_predictions(const std::string& jsonl, const std::string& source);

struct PairedTest {
  std::int64_t rows = 0, first_only = 0, second_only = 0;
  double difference = 0, p_value = 1;
};
std::optional<PairedTest> compare(const Hits& first, const Hits& second);  // nullopt: no common row

// "RecPO against SFT: HR@1 +0.0297 (90 of 943 rows won, 62 lost), McNemar p = 0.028: significantly better." for the
// pairs of interest among `figures`; without predictions the difference alone.
std::vector<std::string> reading_lines(const std::vector<SystemFigures>& figures, const HitsOfSystem& hits);

}  // namespace recpo::report
