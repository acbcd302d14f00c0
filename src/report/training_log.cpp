#include "src/report/training_log.hpp"

#include <cmath>
#include <limits>
#include <string_view>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
void read_point(const JsonObject& line, const std::string& key, std::int64_t step, Curve& curve) {
  curve.erase(step);
  if (!line.has(key)) return;  // null: it was not finite
  constexpr double kLargest = std::numeric_limits<double>::max();
  curve[step] = line.real(key, -kLargest, kLargest);
}
}  // namespace

TrainingLog parse_metrics(const std::string& jsonl, const std::string& source) {
  TrainingLog log;
  std::size_t number = 1;
  for (std::size_t begin = 0, end = 0; (end = jsonl.find('\n', begin)) != std::string::npos;
       begin = end + 1, ++number) {
    const std::string where = fmt::format("{}:{}", source, number);
    const nlohmann::json parsed = parse_json(std::string_view(jsonl).substr(begin, end - begin), where);
    const JsonObject line(parsed, where);
    const std::string stage = line.text("stage");
    const std::int64_t step = line.integer("step", 0, INT64_MAX);
    if (stage != "sft" && stage != "align") throw_input("{}: stage {} must be sft or align", where, stage);
    read_point(line, "loss", step, stage == "sft" ? log.sft_loss : log.align_loss);
    if (stage == "sft") continue;
    read_point(line, "rewards/margins", step, log.margin);
    read_point(line, "rewards/accuracies", step, log.accuracy);
  }
  return log;
}

std::vector<std::pair<double, double>> thinned(const Curve& curve, std::size_t limit) {
  const std::size_t bin = (curve.size() + limit - 1) / limit;
  std::vector<std::pair<double, double>> points;
  double steps = 0, values = 0;
  std::size_t filled = 0, seen = 0;
  for (const auto& [step, value] : curve) {
    steps += static_cast<double>(step), values += value;
    ++filled, ++seen;
    if (filled < bin && seen < curve.size()) continue;
    points.emplace_back(steps / static_cast<double>(filled), values / static_cast<double>(filled));
    steps = values = 0;
    filled = 0;
  }
  return points;
}

}  // namespace recpo::report
