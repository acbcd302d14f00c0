#include "src/report/comparison.hpp"

#include <algorithm>
#include <string_view>

#include "src/evaluation/significance.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
constexpr double kSignificance = 0.05;
// What each step of the pipeline is meant to gain, most interesting first.
constexpr std::pair<const char*, const char*> kPairs[] = {{"recpo", "sft"}, {"recpo", "s-dpo"}, {"s-dpo", "sft"},
                                                          {"simpo", "sft"}, {"dpo", "sft"},     {"sft", "base"}};

std::string format_p(double p) { return p < 1e-4 ? "p < 0.0001" : fmt::format("p = {:.2g}", p); }

const SystemFigures* find(const std::vector<SystemFigures>& figures, std::string_view name) {
  const auto found =
      std::find_if(figures.begin(), figures.end(), [&](const SystemFigures& f) { return f.system->name == name; });
  return found != figures.end() && found->main && found->main->hit_rate.value ? &*found : nullptr;
}

std::string sentence(const SystemFigures& first, const SystemFigures& second, const HitsOfSystem& hits) {
  const std::string names = fmt::format("{} against {}", first.system->label, second.system->label);
  const auto a = hits.find(first.system->name), b = hits.find(second.system->name);
  const auto test = a == hits.end() || b == hits.end() ? std::nullopt : compare(a->second, b->second);
  if (!test) return fmt::format("{}: HR@1 {:+.4f}.", names, *first.main->hit_rate.value - *second.main->hit_rate.value);
  const char* verdict = test->p_value >= kSignificance ? "not significantly different"
                        : test->difference > 0         ? "significantly better"
                                                       : "significantly worse";
  return fmt::format("{}: HR@1 {:+.4f} ({} of {} rows won, {} lost), McNemar {}: {}.", names, test->difference,
                     test->first_only, test->rows, test->second_only, format_p(test->p_value), verdict);
}
}  // namespace

HitsOfSystem parse_predictions(const std::string& jsonl, const std::string& source) {
  std::map<std::string, HitsOfSystem> of_split;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < jsonl.size(); ++number) {
    const std::size_t end = std::min(jsonl.find('\n', begin), jsonl.size());
    const std::string where = fmt::format("{}:{}", source, number + 1);
    const nlohmann::json parsed = parse_json(std::string_view(jsonl).substr(begin, end - begin), where);
    const JsonObject line(parsed, where);
    of_split[line.text("split")][line.text("model")][line.integer("row", 0, INT64_MAX)] = line.boolean("hit");
    begin = end + 1;
  }
  return of_split.contains("test") ? of_split["test"] : of_split["valid"];
}

std::optional<PairedTest> compare(const Hits& first, const Hits& second) {
  PairedTest test;
  for (const auto& [row, hit] : first) {
    const auto other = second.find(row);
    if (other == second.end()) continue;
    ++test.rows;
    test.first_only += hit && !other->second;
    test.second_only += !hit && other->second;
  }
  if (test.rows == 0) return std::nullopt;
  test.difference = static_cast<double>(test.first_only - test.second_only) / static_cast<double>(test.rows);
  test.p_value = evaluation::mcnemar_exact(test.first_only, test.second_only);
  return test;
}

std::vector<std::string> reading_lines(const std::vector<SystemFigures>& figures, const HitsOfSystem& hits) {
  std::vector<std::string> lines;
  for (const auto& [first, second] : kPairs) {
    const SystemFigures* a = find(figures, first);
    const SystemFigures* b = find(figures, second);
    if (a != nullptr && b != nullptr) lines.push_back(sentence(*a, *b, hits));
  }
  return lines;
}

}  // namespace recpo::report
