#include <algorithm>

#include "src/report/bars.hpp"
#include "src/report/figures.hpp"

namespace recpo::report {
namespace {
using Test = std::optional<TestFigures> SystemFigures::*;

BarPanel collect(const std::vector<SystemFigures>& figures, const std::string& title, Test test,
                 Estimate TestFigures::*estimate) {
  BarPanel result{title, {}, {}};
  for (const SystemFigures& f : figures) {
    if (!(f.*test) || !((*(f.*test)).*estimate).value) continue;
    result.bars.push_back({f.system->label, f.system->colour, (*(f.*test)).*estimate, {}, {}});
    if (estimate == &TestFigures::hit_rate) result.chance = (f.*test)->chance;
  }
  return result;
}

void add_paper(BarPanel& panel, const std::vector<SystemFigures>& figures, const std::string& dataset,
               double PublishedFigures::*figure) {
  for (Bar& bar : panel.bars)
    for (const SystemFigures& f : figures)
      if (bar.label == f.system->label)
        if (const auto paper = published(*f.system, dataset)) bar.paper = (*paper).*figure;
}
}  // namespace

std::string hit_rate_figure(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  // two columns: the main test to the left, what asks for more than one right answer to the right
  BarPanel hit_rate = collect(figures, "HR@1", &SystemFigures::main, &TestFigures::hit_rate);
  BarPanel valid_ratio = collect(figures, "ValidRatio", &SystemFigures::main, &TestFigures::valid_ratio);
  const BarPanel adherence = collect(figures, "Adherence rate", &SystemFigures::adherence, &TestFigures::hit_rate);
  const BarPanel avoidance = collect(figures, "Avoidance rate", &SystemFigures::avoidance, &TestFigures::hit_rate);
  add_paper(hit_rate, figures, dataset, &PublishedFigures::hit_rate);
  add_paper(valid_ratio, figures, dataset, &PublishedFigures::valid_ratio);
  const double left = std::max(width_of(hit_rate), width_of(valid_ratio));
  const double right = std::max(width_of(adherence), width_of(avoidance));
  if (left + right == 0) return "";

  constexpr double kTop = 74;
  const double second = left > 0 ? 2 * kBarMargin + left : kBarMargin;
  Svg svg(std::max(second + right + 20, 520.0), kTop + 2 * kBarRow);
  svg.words(16, 28, "Recommendation quality on " + dataset, Anchor::kStart, 15, true);
  draw(svg, kBarMargin, kTop, hit_rate);
  draw(svg, kBarMargin, kTop + kBarRow, valid_ratio);
  draw(svg, second, kTop, adherence);
  draw(svg, second, kTop + kBarRow, avoidance);
  draw_legend(svg, kBarMargin, kTop + 2 * kBarRow - 20, {hit_rate, valid_ratio, adherence, avoidance});
  return svg.text();
}

}  // namespace recpo::report
