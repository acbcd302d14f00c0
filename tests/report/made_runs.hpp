#pragma once
// Synthetic run folders for tests: one system each, whose rows are right or wrong as told.

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "src/report/study.hpp"
#include "src/support/file.hpp"

namespace recpo::report {

struct MadeRun {
  std::string name, system, dataset = "ml-1m";
  int seed = 1;
  std::string settings = "";  // more of them, as JSON members: "\"align.lambda\": 2"
  std::vector<bool> hits = {true, false};
  std::string user = "u";  // the beginning of each row's user
  bool ranks = false;      // candidates are ranked, the preferred one first where the answer is right
  double valid_ratio = 1;

  std::string settings_json() const {
    return fmt::format(R"({{"run.seed": {}, "data.dataset": "{}"{}{}}})", seed, dataset, settings.empty() ? "" : ", ",
                       settings);
  }

  std::string evaluation_json() const {
    int right = 0;
    for (const bool hit : hits) right += hit;
    const double rate = hits.empty() ? 0 : static_cast<double>(right) / static_cast<double>(hits.size());
    return fmt::format(R"({{"{}": {{"main": {{"rows": {}, "valid": {}, "hits": {}, "hr@1": {}, "hr@1_ci95": [{}, {}],)"
                       R"( "valid_ratio": {}, "chance": 0.05{}}}, "settings": {}}}}})",
                       system, hits.size(), hits.size(), right, rate, rate / 2, (1 + rate) / 2, valid_ratio,
                       ranked_json(rate), settings_json());
  }

  std::string ranked_json(double rate) const {
    return ranks ? fmt::format(R"(, "ranked": {{"hr@1": {}, "hr@1_ci95": [{}, {}]}})", rate, rate / 2, (1 + rate) / 2)
                 : "";
  }

  std::string predictions_jsonl() const {
    std::string lines;
    for (std::size_t row = 0; row < hits.size(); ++row)
      lines += fmt::format(R"({{"row": {}, "split": "test", "user": "{}{}", "valid": true, "hit": {}, "chosen": "i", )"
                           R"("answer": "{}", "model": "{}"{}}})"
                           "\n",
                           row, user, row, static_cast<bool>(hits[row]), hits[row] ? "i" : "wrong title", system,
                           ranks ? fmt::format(R"(, "chosen_rank": {})", hits[row] ? 1 : 2) : "");
    return lines;
  }

  RunFolder read() const {
    RunFolder run;
    run.path = name;
    run.name = name;
    run.systems = parse_evaluation(evaluation_json(), name);
    run.answers = parse_predictions(predictions_jsonl(), name);
    return run;
  }

  void write(const std::filesystem::path& root) const {
    create_folders(root / name);
    write_file(root / name / "evaluation.json", evaluation_json());
    write_file(root / name / "predictions.jsonl", predictions_jsonl());
  }
};

inline std::vector<RunFolder> read_all(const std::vector<MadeRun>& made) {
  std::vector<RunFolder> runs;
  for (const MadeRun& run : made) runs.push_back(run.read());
  return runs;
}

inline Published paper() { return read_published(*find_shipped("inputs/paper/published.json")); }

inline Study study_of(const std::vector<MadeRun>& made) { return arrange(read_all(made), paper()); }

// The first `right` of `rows` rows right.
inline std::vector<bool> first_right(std::size_t rows, std::size_t right) {
  std::vector<bool> hits(rows, false);
  for (std::size_t row = 0; row < right; ++row) hits[row] = true;
  return hits;
}

}  // namespace recpo::report
