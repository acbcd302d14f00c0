// What a report reads from run folders. The input's first byte says which file: evaluation.json ('1'),
// predictions.jsonl ('2'), metrics.jsonl ('3'), examples.jsonl ('5'), prepare.json (any other).
#include <limits>

#include "src/report/evaluation_file.hpp"
#include "src/report/run_folder.hpp"
#include "src/report/study.hpp"
#include "src/report/systems.hpp"
#include "src/report/training_log.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_mutator.hpp"

namespace recpo {

// That of systems.cpp, without what is registered in src/evaluation.
report::MetricView report::describe_metric(const std::string& name) {
  constexpr double kMax = std::numeric_limits<double>::max();
  return name == "hr@1" ? MetricView{name, name, true, 0, 1} : MetricView{name, name, true, -kMax, kMax};
}

// That of study.cpp: nothing here makes a study of what was read.
std::vector<const report::Variant*> report::Study::bases(const std::string& /*dataset*/) const { return {}; }

namespace {

void check_test(const report::TestMetrics& test) {
  fuzz::expect(test.rows >= 0 && test.valid <= test.rows && test.hits <= test.rows, "counts of rows");
  for (const auto& [name, metric] : test.metrics) {
    fuzz::expect(metric.low.has_value() == metric.high.has_value(), "both ends of an interval");
    fuzz::expect(!metric.low || *metric.low <= *metric.high, "an interval that rises");
  }
  const std::optional<double>& rate = test.metric("hr@1").value;
  fuzz::expect(!rate || (*rate >= 0 && *rate <= 1), "a share");
}

void read_file(std::string_view input) {
  if (input.empty()) return;
  const std::string text(input.substr(1));
  switch (input[0]) {
    case '1':
      for (const report::SystemMetrics& system : report::parse_evaluation(text, fuzz::kSource)) {
        for (const report::TestMetrics& test : system.tests) check_test(test);
      }
      break;
    case '2':
      for (const auto& [name, answers] : report::parse_predictions(text, fuzz::kSource)) {
        for (const auto& [test, rows] : answers)
          for (std::size_t i = 0; i < rows.size(); ++i) {
            fuzz::expect(i == 0 || rows[i - 1].row < rows[i].row, "rows that rise");
            const float ranked_first = rows[i].ranked_first.value_or(0);
            fuzz::expect(ranked_first >= 0 && ranked_first <= 1, "a share");
          }
      }
      break;
    case '3': {
      const report::TrainingLog log = report::parse_metrics(text, fuzz::kSource);
      for (const report::Curve& curve : {log.sft.loss, log.align.loss, log.align.margin, log.align.accuracy})
        fuzz::expect(report::thinned(curve, 2).size() <= 2, "at most as many points");
      break;
    }
    case '5':
      report::parse_examples(text, fuzz::kSource);
      break;
    default:
      report::parse_preparation(text, fuzz::kSource);
  }
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_file);
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return recpo::fuzz::mutate_json(data, size, max_size, seed, 1);
}
