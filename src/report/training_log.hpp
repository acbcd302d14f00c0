#pragma once
// Curves of a training, from metrics.jsonl: a line a step.

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace recpo::report {

using Curve = std::map<std::int64_t, double>;  // step -> value; steps without a finite value are missing

struct TrainingLog {
  struct Stage {
    Curve loss, margin, accuracy;    // the last two of alignment
    Curve eval_loss, hit_rate, mrr;  // of validation rows, at some steps
  };
  Stage sft, align;
};

// A later line replaces an earlier one of the same stage and step, as a continued run repeats steps. An unfinished last
// line is ignored: the run may be writing it. Throws kBadInput naming `source` and the line.
TrainingLog parse_metrics(const std::string& jsonl, const std::string& source);

// At most `limit` points (step, value): means of neighbouring steps where there are more.
std::vector<std::pair<double, double>> thinned(const Curve& curve, std::size_t limit);

struct LoggedRun {
  std::string label, colour;  // of the system; no label: the only one
  TrainingLog log;
};

// A panel for each curve that has points, a line a run, as SVG; empty without one.
std::string training_figure(const std::vector<LoggedRun>& runs);

}  // namespace recpo::report
