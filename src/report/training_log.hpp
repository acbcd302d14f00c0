#pragma once
// Curves from metrics.jsonl: what training said of itself, a line a step.

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace recpo::report {

using Curve = std::map<std::int64_t, double>;  // step -> value; steps without a finite value are missing

struct TrainingLog {
  Curve sft_loss, align_loss, margin, accuracy;
};

// A later line replaces an earlier one of the same stage and step, as a continued run repeats steps. A last line
// without end is ignored: the run may be writing it. Throws kBadInput naming `source` and the line.
TrainingLog parse_metrics(const std::string& jsonl, const std::string& source);

// At most `limit` points (step, value): means of neighbouring steps where there are more.
std::vector<std::pair<double, double>> thinned(const Curve& curve, std::size_t limit);

}  // namespace recpo::report
