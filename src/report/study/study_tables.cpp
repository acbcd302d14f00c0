#include "src/report/study/study_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "src/report/paper.hpp"
#include "src/report/study/pooling.hpp"
#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
std::string number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

// Quoted as RFC 4180 asks, where it must be. One line: a line end inside of a name becomes a space.
std::string quoted(const std::string& text) {
  std::string field;
  for (const char c : text::replace_invalid_utf8(text)) {
    if (c == '"') field += '"';
    field += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return field.find_first_of(",\"") == std::string::npos ? field : "\"" + field + "\"";
}

std::string changes(const Variant& variant) {
  std::vector<std::string> parts;
  for (const std::string& key : variant.changed)
    parts.push_back(fmt::format("{}={}", key, text_of(variant.settings, key)));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string seeds_of(const Variant& variant) {
  std::vector<std::string> seeds;
  for (const Result& result : variant.seeds)
    if (seeds.empty() || seeds.back() != result.seed) seeds.push_back(result.seed);
  return fmt::format("{}", fmt::join(seeds, " "));
}

std::string line_of(const Variant& variant, const TestFigures& test, const std::vector<double>& rates) {
  std::vector<std::string> fields = {quoted(variant.dataset),
                                     variant.system->name,
                                     variant.is_base ? "base" : quoted(changes(variant)),
                                     quoted(seeds_of(variant)),
                                     test.test,
                                     fmt::format("{}", test.rows)};
  for (const Estimate* estimate : {&test.hit_rate, &test.valid_ratio, &test.valid_hit_rate})
    for (const auto* value : {&estimate->value, &estimate->low, &estimate->high}) fields.push_back(number(*value));
  const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
  fields.push_back(rates.empty() ? "" : fmt::format("{}", *low));
  fields.push_back(rates.empty() ? "" : fmt::format("{}", *high));
  fields.push_back(number(test.chance));
  const auto paper =
      variant.is_base && test.test == "main" ? published(*variant.system, variant.dataset) : std::nullopt;
  fields.push_back(paper ? number(paper->hit_rate) : "");
  fields.push_back(paper ? number(paper->valid_ratio) : "");
  return fmt::format("{}\n", fmt::join(fields, ","));
}

std::string counts_of(const std::optional<DatasetCounts>& counts) {
  return counts ? fmt::format("{},{},{}", counts->users, counts->items, counts->interactions) : ",,";
}

std::string sum_of(const NamedCounts& counts) {
  std::int64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return fmt::format("{}", sum);
}
}  // namespace

std::string results_csv(const Study& study) {
  std::string text =
      "dataset,model,settings,seeds,test,rows,hr@1,hr@1_low,hr@1_high,valid_ratio,valid_ratio_low,valid_ratio_high,"
      "hr@1_valid,hr@1_valid_low,hr@1_valid_high,lowest_seed,highest_seed,chance,paper_hr@1,paper_valid_ratio\n";
  for (const Variant& variant : study.variants) {
    for (const Test test : {&SystemFigures::main, &SystemFigures::adherence, &SystemFigures::avoidance})
      if (variant.pooled.*test) text += line_of(variant, *(variant.pooled.*test), hit_rates(variant.seeds, test));
    for (const TestFigures& bucket : variant.pooled.history) text += line_of(variant, bucket, {});
  }
  return text;
}

std::string comparisons_csv(const std::vector<Comparison>& comparisons) {
  std::string text =
      "dataset,first,second,seeds,rows,won,lost,difference,difference_low,difference_high,p,adjusted_p\n";
  for (const Comparison& c : comparisons)
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", quoted(c.first->dataset), c.first->system->name,
                        c.second->system->name, c.seeds, c.test.rows, c.test.first_only, c.test.second_only,
                        c.test.difference, number(c.low), number(c.high), c.test.p_value, c.adjusted);
  return text;
}

std::string datasets_csv(const Study& study) {
  std::string text =
      "run,dataset,seed,imported_users,imported_items,imported_interactions,users,items,interactions,bad_lines,rows,"
      "dropped\n";
  for (const RunFolder& run : study.runs) {
    if (!run.preparation) continue;
    const Preparation& p = *run.preparation;
    text += fmt::format("{},{},{},{},{},{},{},{}\n", quoted(run.name), quoted(p.dataset), quoted(p.seed),
                        counts_of(p.imported), counts_of(p.kept), p.bad_lines ? fmt::format("{}", *p.bad_lines) : "",
                        sum_of(p.rows), sum_of(p.dropped));
  }
  return text;
}

}  // namespace recpo::report
