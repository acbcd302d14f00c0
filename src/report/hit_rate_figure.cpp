#include <fmt/format.h>

#include <algorithm>

#include "src/report/figures.hpp"
#include "src/report/panel.hpp"

namespace recpo::report {
namespace {
struct Bar {
  const System* system = nullptr;
  Estimate estimate;
  std::optional<double> paper;
};

struct Bars {
  std::string title;
  std::vector<Bar> bars;
  std::optional<double> chance;
};

using Test = std::optional<TestFigures> SystemFigures::*;

Bars collect(const std::vector<SystemFigures>& figures, const std::string& title, Test test,
             Estimate TestFigures::*estimate) {
  Bars result{title, {}, {}};
  for (const SystemFigures& f : figures) {
    if (!(f.*test) || !((*(f.*test)).*estimate).value) continue;
    result.bars.push_back({f.system, (*(f.*test)).*estimate, {}});
    if (estimate == &TestFigures::hit_rate) result.chance = (f.*test)->chance;
  }
  return result;
}

void add_paper(Bars& bars, const std::string& dataset, double PublishedFigures::*figure) {
  for (Bar& bar : bars.bars)
    if (const auto paper = published(*bar.system, dataset)) bar.paper = (*paper).*figure;
}

Scale scale_of(const Bars& bars) {
  double highest = bars.chance.value_or(0);
  for (const Bar& bar : bars.bars)
    highest = std::max({highest, bar.estimate.high.value_or(*bar.estimate.value), bar.paper.value_or(0)});
  Scale scale = round_scale(0, std::max(highest * 1.08, 0.01));  // the value stands above the whisker
  if (scale.high > 1) scale = {0, 1, 0.2};
  return scale;
}

constexpr double kSlot = 78, kHalfBar = 20;  // pixels of one bar with its space, and of half a bar
constexpr double kTop = 74, kHeight = 230, kRow = 310, kMargin = 56;
const Stroke kWhisker{"#222222", 1.3, ""};
const Stroke kPaper{"#111111", 1.6, ""};
const Stroke kChance{"#b00000", 1.3, "5 4"};

void draw_bar(const Panel& panel, double centre, const Bar& bar) {
  Svg& svg = panel.svg();
  const double bottom = panel.y(0), top = panel.y(*bar.estimate.value);
  svg.box(centre - kHalfBar, top, 2 * kHalfBar, bottom - top, bar.system->colour);
  double highest = top;
  if (bar.estimate.low && bar.estimate.high) {
    const double low = panel.y(*bar.estimate.low), high = panel.y(*bar.estimate.high);
    svg.line(centre, low, centre, high, kWhisker);
    svg.line(centre - 6, low, centre + 6, low, kWhisker);
    svg.line(centre - 6, high, centre + 6, high, kWhisker);
    highest = std::min(highest, high);
  }
  if (bar.paper) svg.diamond(centre + kHalfBar + 8, panel.y(*bar.paper), 5, kPaper);
  svg.words(centre, highest - 5, fmt::format("{:.3f}", *bar.estimate.value), Anchor::kMiddle, 11);
  svg.words(centre, bottom + 17, bar.system->label, Anchor::kMiddle, 11);
}

double width_of(const Bars& bars) { return kSlot * static_cast<double>(bars.bars.size()); }

void draw_panel(Svg& svg, double x, double y, const Bars& bars) {
  if (bars.bars.empty()) return;
  const Panel panel(svg, {x, y, width_of(bars), kHeight}, bars.title, {}, scale_of(bars), false);
  for (std::size_t i = 0; i < bars.bars.size(); ++i)
    draw_bar(panel, x + kSlot * (static_cast<double>(i) + 0.5), bars.bars[i]);
  if (bars.chance) svg.line(x, panel.y(*bars.chance), x + width_of(bars), panel.y(*bars.chance), kChance);
}

void draw_legend(Svg& svg, double x, double y, bool paper, bool chance) {
  svg.line(x + 8, y - 10, x + 8, y + 2, kWhisker);
  svg.line(x + 3, y - 10, x + 13, y - 10, kWhisker);
  svg.line(x + 3, y + 2, x + 13, y + 2, kWhisker);
  svg.words(x + 20, y, "95 % bootstrap interval", Anchor::kStart, 11);
  x += 185;
  if (chance) {
    svg.line(x, y - 4, x + 22, y - 4, kChance);
    svg.words(x + 28, y, "a random candidate", Anchor::kStart, 11);
    x += 165;
  }
  if (paper) {
    svg.diamond(x + 6, y - 4, 5, kPaper);
    svg.words(x + 18, y, "the paper", Anchor::kStart, 11);
  }
}
}  // namespace

std::string hit_rate_figure(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  // two columns: the main test to the left, what asks for more than one right answer to the right
  Bars hit_rate = collect(figures, "HR@1", &SystemFigures::main, &TestFigures::hit_rate);
  Bars valid_ratio = collect(figures, "ValidRatio", &SystemFigures::main, &TestFigures::valid_ratio);
  const Bars adherence = collect(figures, "Adherence rate", &SystemFigures::adherence, &TestFigures::hit_rate);
  const Bars avoidance = collect(figures, "Avoidance rate", &SystemFigures::avoidance, &TestFigures::hit_rate);
  add_paper(hit_rate, dataset, &PublishedFigures::hit_rate);
  add_paper(valid_ratio, dataset, &PublishedFigures::valid_ratio);
  const double left = std::max(width_of(hit_rate), width_of(valid_ratio));
  const double right = std::max(width_of(adherence), width_of(avoidance));
  if (left + right == 0) return "";

  const double second = left > 0 ? 2 * kMargin + left : kMargin;
  Svg svg(std::max(second + right + 20, 520.0), kTop + 2 * kRow);
  svg.words(16, 28, "Recommendation quality on " + dataset, Anchor::kStart, 15, true);
  draw_panel(svg, kMargin, kTop, hit_rate);
  draw_panel(svg, kMargin, kTop + kRow, valid_ratio);
  draw_panel(svg, second, kTop, adherence);
  draw_panel(svg, second, kTop + kRow, avoidance);
  const bool paper =
      std::any_of(hit_rate.bars.begin(), hit_rate.bars.end(), [](const Bar& b) { return b.paper.has_value(); });
  draw_legend(svg, kMargin, kTop + 2 * kRow - 20, paper, hit_rate.chance || adherence.chance || avoidance.chance);
  return svg.text();
}

}  // namespace recpo::report
