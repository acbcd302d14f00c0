#include "src/report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "src/evaluation/significance.hpp"

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

std::string sentence(const SystemFigures& first, const SystemFigures& second, const AnswersOfSystem& answers) {
  const std::string names = fmt::format("{} against {}", first.system->label, second.system->label);
  const auto a = answers.find(first.system->name), b = answers.find(second.system->name);
  const bool answered = a != answers.end() && b != answers.end();
  const auto test = answered ? compare(a->second.main, b->second.main) : std::nullopt;
  if (!test) return fmt::format("{}: HR@1 {:+.4f}.", names, *first.main->hit_rate.value - *second.main->hit_rate.value);
  const char* verdict = test->p_value >= kSignificance ? "not significantly different"
                        : test->difference > 0         ? "significantly better"
                                                       : "significantly worse";
  return fmt::format("{}: HR@1 {:+.4f} ({} of {} rows won, {} lost), McNemar {}: {}.", names, test->difference,
                     test->first_only, test->rows, test->second_only, format_p(test->p_value), verdict);
}
}  // namespace

void for_each_pair(const Answers& first, const Answers& second,
                   const std::function<void(const Answer&, const Answer&)>& visit) {
  for (auto a = first.begin(), b = second.begin(); a != first.end() && b != second.end();) {
    if (a->row == b->row && a->question == b->question) visit(*a, *b);
    const bool advance_first = a->row <= b->row, advance_second = b->row <= a->row;
    a += advance_first, b += advance_second;
  }
}

std::optional<PairedTest> compare(const Answers& first, const Answers& second) {
  PairedTest test;
  for_each_pair(first, second, [&](const Answer& a, const Answer& b) {
    ++test.rows;
    test.first_only += a.hit && !b.hit;
    test.second_only += !a.hit && b.hit;
  });
  if (test.rows == 0) return std::nullopt;
  test.difference = static_cast<double>(test.first_only - test.second_only) / static_cast<double>(test.rows);
  test.p_value = evaluation::mcnemar_exact(test.first_only, test.second_only);
  return test;
}

std::vector<std::string> reading_lines(const std::vector<SystemFigures>& figures, const AnswersOfSystem& answers) {
  std::vector<std::string> lines;
  for (const auto& [first, second] : kPairs) {
    const SystemFigures* a = find(figures, first);
    const SystemFigures* b = find(figures, second);
    if (a != nullptr && b != nullptr) lines.push_back(sentence(*a, *b, answers));
  }
  return lines;
}

}  // namespace recpo::report
