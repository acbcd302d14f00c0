#include "src/report/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "src/report/document.hpp"

namespace recpo::report {
namespace {
std::string decimals(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

std::string with_interval(const Estimate& estimate) {
  if (!estimate.low || !estimate.high) return decimals(estimate.value);
  return fmt::format("{} [{:.4f}, {:.4f}]", decimals(estimate.value), *estimate.low, *estimate.high);
}

std::optional<double> hit_rate_of(const std::optional<TestFigures>& test) {
  return test ? test->hit_rate.value : std::nullopt;
}

struct FigureColumn {
  std::string title;
  std::function<std::string(const SystemFigures&)> cell;
  bool optional = false;  // left out when no row has anything to say
};

template <class Cell>
FigureColumn main_column(std::string title, Cell cell) {
  return {std::move(title), [cell](const SystemFigures& f) { return f.main ? cell(*f.main) : std::string("-"); }};
}

FigureColumn ranked_column(const std::string& title, int cutoff, double Ranked::*figure) {
  const auto cell = [cutoff, figure](const TestFigures& main) {
    for (const Ranked& ranked : main.ranked)
      if (ranked.cutoff == cutoff) return decimals(ranked.*figure);
    return std::string("-");
  };
  FigureColumn column = main_column(title, cell);
  column.optional = true;
  return column;
}

FigureColumn paper_column(const std::string& title, const std::string& dataset, double PublishedFigures::*figure) {
  const auto cell = [dataset, figure](const SystemFigures& f) {
    const auto paper = published(*f.system, dataset);
    return paper ? decimals((*paper).*figure) : "-";
  };
  return {title, cell, true};
}

std::vector<FigureColumn> columns(const std::string& dataset) {
  return {
      {"model", [](const SystemFigures& f) { return std::string(f.system->name); }},
      main_column("HR@1 [95 % interval]", [](const TestFigures& t) { return with_interval(t.hit_rate); }),
      main_column("ValidRatio", [](const TestFigures& t) { return decimals(t.valid_ratio.value); }),
      main_column("HR@1 valid", [](const TestFigures& t) { return decimals(t.valid_hit_rate.value); }),
      main_column("rows", [](const TestFigures& t) { return fmt::format("{}", t.rows); }),
      ranked_column("HR@5 ranked", 5, &Ranked::hit_rate),
      ranked_column("HR@10 ranked", 10, &Ranked::hit_rate),
      ranked_column("NDCG@10 ranked", 10, &Ranked::ndcg),
      {"adherence", [](const SystemFigures& f) { return decimals(hit_rate_of(f.adherence)); }, true},
      {"avoidance", [](const SystemFigures& f) { return decimals(hit_rate_of(f.avoidance)); }, true},
      paper_column("paper HR@1", dataset, &PublishedFigures::hit_rate),
      paper_column("paper ValidRatio", dataset, &PublishedFigures::valid_ratio),
  };
}

std::optional<double> chance_of(const std::vector<SystemFigures>& figures) {
  for (const SystemFigures& system : figures)
    if (system.main && system.main->chance) return system.main->chance;
  return std::nullopt;
}

std::string number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

std::string csv_line(const System& system, const TestFigures& test, const std::string& dataset) {
  std::vector<std::string> fields = {system.name, test.test, fmt::format("{}", test.rows),
                                     fmt::format("{}", test.valid), fmt::format("{}", test.hits)};
  for (const Estimate* estimate : {&test.hit_rate, &test.valid_ratio, &test.valid_hit_rate})
    for (const auto* value : {&estimate->value, &estimate->low, &estimate->high}) fields.push_back(number(*value));
  fields.push_back(number(test.chance));
  for (const int cutoff : {1, 3, 5, 10}) {
    const auto ranked =
        std::find_if(test.ranked.begin(), test.ranked.end(), [&](const Ranked& r) { return r.cutoff == cutoff; });
    const bool known = ranked != test.ranked.end();
    fields.push_back(known ? number(ranked->hit_rate) : "");
    fields.push_back(known ? number(ranked->ndcg) : "");
  }
  const auto paper = test.test == "main" ? published(system, dataset) : std::nullopt;
  fields.push_back(paper ? number(paper->hit_rate) : "");
  fields.push_back(paper ? number(paper->valid_ratio) : "");
  return fmt::format("{}\n", fmt::join(fields, ","));
}
}  // namespace

std::vector<std::vector<std::string>> table_columns(const std::vector<SystemFigures>& figures,
                                                    const std::string& dataset) {
  std::vector<std::vector<std::string>> cells;
  for (const FigureColumn& column : columns(dataset)) {
    std::vector<std::string> texts = {column.title};
    for (const SystemFigures& system : figures) texts.push_back(column.cell(system));
    const bool empty = std::all_of(texts.begin() + 1, texts.end(), [](const std::string& t) { return t == "-"; });
    if (!(column.optional && empty)) cells.push_back(std::move(texts));
  }
  return cells;
}

std::string markdown(const std::vector<SystemFigures>& figures, const std::string& dataset,
                     const std::vector<std::string>& reading) {
  const std::vector<std::vector<std::string>> cells = table_columns(figures, dataset);
  std::vector<bool> is_text(cells.size(), false);
  is_text.front() = true;
  std::string text = aligned_table(cells, is_text);
  if (const auto chance = chance_of(figures))
    text += fmt::format("\nA random candidate is right with probability {:.4f}.\n", *chance);
  if (!reading.empty()) text += "\n";
  for (const std::string& line : reading) text += "- " + line + "\n";
  return text;
}

std::string csv(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  std::string text =
      "model,test,rows,valid,hits,hr@1,hr@1_low,hr@1_high,valid_ratio,valid_ratio_low,valid_ratio_high,"
      "hr@1_valid,hr@1_valid_low,hr@1_valid_high,chance,ranked_hr@1,ranked_ndcg@1,ranked_hr@3,ranked_ndcg@3,"
      "ranked_hr@5,ranked_ndcg@5,ranked_hr@10,ranked_ndcg@10,paper_hr@1,paper_valid_ratio\n";
  for (const SystemFigures& f : figures) {
    for (const auto* test : {&f.main, &f.adherence, &f.avoidance})
      if (*test) text += csv_line(*f.system, **test, dataset);
    for (const TestFigures& bucket : f.history) text += csv_line(*f.system, bucket, dataset);
  }
  return text;
}

}  // namespace recpo::report
