#include <fmt/format.h>

#include <array>

#include "src/report/figures.hpp"
#include "src/report/paper.hpp"
#include "src/report/study/pooling.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
constexpr std::array kCompared = {"sft", "s-dpo", "recpo"};

bool was_run(const Variant* variant, Test test) { return variant != nullptr && variant->pooled.*test; }

std::vector<BarPanel> rate_panels(const Study& study, Test test, const std::string& title) {
  std::vector<BarPanel> panels;
  for (const std::string& dataset : study.datasets) {
    BarPanel panel{fmt::format("{}, {}", title, dataset), {}, {}};
    bool any = false;
    for (const char* name : kCompared) {
      const Variant* variant = study.base(dataset, name);
      const System& system = *find_system(name);
      panel.bars.push_back(bar_of(variant, test, system.label, system.colour));
      if (!was_run(variant, test)) continue;
      any = true;
      panel.chance = (*(variant->pooled.*test)).chance;
    }
    if (any) panels.push_back(std::move(panel));
  }
  return panels;
}

std::string rows_behind(const Study& study, Test test) {
  std::string text;
  for (const std::string& dataset : study.datasets)
    for (const char* name : kCompared) {
      const Variant* variant = study.base(dataset, name);
      if (!was_run(variant, test)) continue;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", dataset, (*(variant->pooled.*test)).rows);
      break;
    }
  return text;
}

void add_rates(const Study& study, Test test, const std::string& part, const std::string& title,
               const std::string& name, const std::string& meaning, Document& document) {
  const std::string svg = bar_figure(fmt::format("Figure 4({}): {}", part, title), rate_panels(study, test, title));
  if (svg.empty())
    document.add(
        Paragraph{fmt::format("Figure 4({}), {}: not run. It needs \"{}\" among evaluate.tests of SFT, S-DPO and "
                              "RecPO.",
                              part, title, name)});
  document.add(Picture{fmt::format("figure4{}.svg", part), svg,
                       fmt::format("{} {} Rows: {}. The paper draws it without its numbers.", meaning, kSigns,
                                   rows_behind(study, test))});
}

void add_spread(const Study& study, Document& document) {
  Table table{
      "Relative spread of HR@1 over the history lengths, (highest - lowest) / mean of the buckets: smaller is "
      "steadier. The paper gives two figures, for BeerAdvocate, without saying how they were computed.",
      {{"data set", "", true}},
      {},
      false};
  for (const char* name : kCompared) table.columns.push_back({find_system(name)->label, "", false});
  for (const std::string& dataset : study.datasets) {
    std::vector<Cell> row = {{dataset, {}, {}}};
    bool any = false;
    for (const char* name : kCompared) {
      const Variant* variant = study.base(dataset, name);
      const auto spread = variant != nullptr ? relative_spread(variant->pooled.history) : std::nullopt;
      any |= spread.has_value();
      row.push_back(spread ? Cell{percent(*spread), {}, Cell::Emphasis::kNone} : missing_cell());
      if (const auto paper = published_spread(*find_system(name), dataset))
        row.back().notes.push_back("paper " + percent(*paper));
    }
    if (any) table.rows.push_back(std::move(row));
  }
  document.add(std::move(table));
}

void add_history(const Study& study, Document& document) {
  std::vector<LinePanel> panels;
  for (const std::string& dataset : study.datasets) {
    std::vector<SystemFigures> figures;
    for (const char* name : kCompared)
      if (const Variant* variant = study.base(dataset, name)) figures.push_back(variant->pooled);
    panels.push_back(history_panel(figures, "HR@1, " + dataset));
  }
  const std::string svg = line_figure("Figure 4(c): HR@1 by length of the history", panels);
  if (svg.empty())
    document.add(
        Paragraph{"Figure 4(c), history lengths: not run. It needs \"history-length\" among evaluate.tests of SFT, "
                  "S-DPO and RecPO."});
  document.add(
      Picture{"figure4c.svg", svg,
              "HR@1 over the number of interactions before the question. Lines stand a little apart so that their "
              "95 % bootstrap intervals can be told apart; of several seeds the mean of their intervals."});
  add_spread(study, document);
}
}  // namespace

void add_figure4(const Study& study, Document& document) {
  document.add(Heading{"Figure 4: adherence, avoidance, history lengths"});
  add_rates(study, &SystemFigures::adherence, "a", "Adherence rate", "adherence",
            "Share of rows in which, of two liked items among the candidates, the nearer one is named.", document);
  add_rates(study, &SystemFigures::avoidance, "b", "Avoidance rate", "avoidance",
            "Share of rows with a valid answer other than the disliked item among the candidates.", document);
  add_history(study, document);
}

}  // namespace recpo::report
