#include "src/report/bars.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/panel.hpp"

namespace recpo::report {
namespace {
constexpr double kSlot = 78, kHalfBar = 20;  // of one bar with its space, and of half a bar
const Stroke kWhisker{"#222222", 1.3, ""};
const Stroke kPaper{"#111111", 1.6, ""};
const Stroke kChance{"#b00000", 1.3, "5 4"};
const Stroke kSeed{"#111111", 1, ""};

bool has_seeds(const Bar& bar) { return bar.seeds.size() > 1; }

Scale scale_of(const BarPanel& panel) {
  double highest = panel.chance.value_or(0);
  for (const Bar& bar : panel.bars) {
    highest = std::max({highest, bar.estimate.value.value_or(0), bar.estimate.high.value_or(0), bar.paper.value_or(0)});
    for (const double seed : bar.seeds) highest = std::max(highest, seed);
  }
  Scale scale = round_scale(0, std::max(highest * 1.08, 0.01));  // the value stands above the whisker
  if (scale.high > 1) scale = {0, 1, 0.2};
  return scale;
}

void draw_value(const Panel& panel, double centre, const Bar& bar) {
  Svg& svg = panel.svg();
  const double bottom = panel.y(0), top = panel.y(*bar.estimate.value);
  svg.box(centre - kHalfBar, top, 2 * kHalfBar, bottom - top, bar.colour);
  double highest = top;
  if (bar.estimate.low && bar.estimate.high) {
    const double low = panel.y(*bar.estimate.low), high = panel.y(*bar.estimate.high);
    svg.line(centre, low, centre, high, kWhisker);
    svg.line(centre - 6, low, centre + 6, low, kWhisker);
    svg.line(centre - 6, high, centre + 6, high, kWhisker);
    highest = std::min(highest, high);
  }
  for (const double seed : bar.seeds) {
    if (!has_seeds(bar)) break;
    svg.ring(centre - kHalfBar + 7, panel.y(seed), 2.6, kSeed);
    highest = std::min(highest, panel.y(seed));
  }
  svg.label(centre, highest - 5, fmt::format("{:.3f}", *bar.estimate.value));
}

void draw_bar(const Panel& panel, double centre, const Bar& bar) {
  Svg& svg = panel.svg();
  const double bottom = panel.y(0);
  if (bar.estimate.value) {
    draw_value(panel, centre, bar);
  } else {
    svg.label(centre, bottom - 6, "not run");
  }
  if (bar.paper) svg.diamond(centre + kHalfBar + 8, panel.y(*bar.paper), 5, kPaper);
  const std::size_t split = bar.label.find('\n');
  svg.words(centre, bottom + 17, bar.label.substr(0, split), Anchor::kMiddle, 11);
  if (split != std::string::npos) svg.words(centre, bottom + 31, bar.label.substr(split + 1), Anchor::kMiddle, 11);
}

template <class Condition>
bool any_bar(const std::vector<BarPanel>& panels, Condition condition) {
  return std::any_of(panels.begin(), panels.end(), [&](const BarPanel& panel) {
    return std::any_of(panel.bars.begin(), panel.bars.end(), condition);
  });
}
}  // namespace

double width_of(const BarPanel& panel) { return kSlot * static_cast<double>(panel.bars.size()); }

void draw(Svg& svg, double x, double y, const BarPanel& bars) {
  if (bars.bars.empty()) return;
  const Panel panel(svg, {x, y, width_of(bars), kBarPanelHeight}, bars.title, {}, scale_of(bars), false);
  if (bars.chance) svg.line(x, panel.y(*bars.chance), x + width_of(bars), panel.y(*bars.chance), kChance);
  for (std::size_t i = 0; i < bars.bars.size(); ++i)
    draw_bar(panel, x + kSlot * (static_cast<double>(i) + 0.5), bars.bars[i]);
}

void draw_legend(Svg& svg, double x, double y, const std::vector<BarPanel>& panels) {
  svg.line(x + 8, y - 10, x + 8, y + 2, kWhisker);
  svg.line(x + 3, y - 10, x + 13, y - 10, kWhisker);
  svg.line(x + 3, y + 2, x + 13, y + 2, kWhisker);
  svg.words(x + 20, y, "95 % interval", Anchor::kStart, 11);
  x += 125;
  if (any_bar(panels, has_seeds)) {
    svg.ring(x + 6, y - 4, 2.6, kSeed);
    svg.words(x + 16, y, "one seed", Anchor::kStart, 11);
    x += 95;
  }
  if (std::any_of(panels.begin(), panels.end(), [](const BarPanel& panel) { return panel.chance.has_value(); })) {
    svg.line(x, y - 4, x + 22, y - 4, kChance);
    svg.words(x + 28, y, "a random candidate", Anchor::kStart, 11);
    x += 165;
  }
  if (any_bar(panels, [](const Bar& bar) { return bar.paper.has_value(); })) {
    svg.diamond(x + 6, y - 4, 5, kPaper);
    svg.words(x + 18, y, "the paper", Anchor::kStart, 11);
  }
}

std::string bar_figure(const std::string& title, const std::vector<BarPanel>& panels) {
  struct Place {
    double x, y;
  };
  std::vector<Place> places;
  double x = kBarMargin, y = kPanelTop, width = 520;
  for (const BarPanel& panel : panels) {
    if (x > kBarMargin && x + width_of(panel) + 20 > kPageWidth) x = kBarMargin, y += kBarRow;
    places.push_back({x, y});
    if (panel.bars.empty()) continue;
    width = std::max(width, x + width_of(panel) + 20);
    x += width_of(panel) + kBarMargin + 10;
  }
  if (!any_bar(panels, [](const Bar& bar) { return bar.estimate.value.has_value(); })) return "";
  Svg svg(width, y + kBarRow);
  svg.words(16, 28, title, Anchor::kStart, 15, true);
  for (std::size_t i = 0; i < panels.size(); ++i) draw(svg, places[i].x, places[i].y, panels[i]);
  draw_legend(svg, kBarMargin, y + kBarRow - 20, panels);
  return svg.text();
}

}  // namespace recpo::report
