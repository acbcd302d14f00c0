#include "src/report/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "src/report/svg.hpp"

namespace recpo::report {
namespace {
constexpr double kPageWidth = 1060, kPanelTop = 74, kEdge = 20;     // kPanelTop: below the title
constexpr double kSlot = 78, kHalfBar = 20;                         // of one bar with its space, and of half a bar
constexpr double kBarHeight = 230, kBarRow = 310, kBarMargin = 56;  // of the plotted area, with its labels
const Stroke kWhisker{"#222222", 1.3};
const Stroke kPaper{"#111111", 1.6};
const Stroke kChanceLine{"#b00000", 1.3, "5 4"};
const Stroke kSeed{"#111111", 1};

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
  return std::ranges::any_of(panels, [&](const BarPanel& panel) { return std::ranges::any_of(panel.bars, condition); });
}

double width_of(const BarPanel& panel) { return kSlot * static_cast<double>(panel.bars.size()); }

// (x, y) is the upper left corner of the plotted area.
void draw(Svg& svg, double x, double y, const BarPanel& bars) {
  if (bars.bars.empty()) return;
  const Panel panel(svg, {x, y, width_of(bars), kBarHeight}, bars.title, {}, scale_of(bars), false);
  if (bars.chance) svg.line(x, panel.y(*bars.chance), x + width_of(bars), panel.y(*bars.chance), kChanceLine);
  for (std::size_t i = 0; i < bars.bars.size(); ++i)
    draw_bar(panel, x + kSlot * (static_cast<double>(i) + 0.5), bars.bars[i]);
}

// The signs that the panels use, in one line from (x, y).
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
  if (std::ranges::any_of(panels, [](const BarPanel& panel) { return panel.chance.has_value(); })) {
    svg.line(x, y - 4, x + 22, y - 4, kChanceLine);
    svg.words(x + 28, y, "a random candidate", Anchor::kStart, 11);
    x += 165;
  }
  if (any_bar(panels, [](const Bar& bar) { return bar.paper.has_value(); })) {
    svg.diamond(x + 6, y - 4, 5, kPaper);
    svg.words(x + 18, y, "the paper", Anchor::kStart, 11);
  }
}

constexpr double kLeft = 66, kHeight = 250, kRow = 325, kGap = 86;
constexpr double kScaleWidth = 420, kPlaceWidth = 62, kLegendRow = 20, kInset = 18;

struct Range {
  double low = 0, high = 0;
  bool any = false;
  void include(double value) {
    low = any ? std::min(low, value) : value;
    high = any ? std::max(high, value) : value;
    any = true;
  }
};

bool has_points(const LinePanel& panel) {
  return std::ranges::any_of(panel.lines, [](const Line& line) {
    return std::ranges::any_of(line.points, [](const LinePoint& p) { return p.estimate.value.has_value(); });
  });
}

double width_of(const LinePanel& panel) {
  if (panel.places.empty()) return kScaleWidth;
  return std::max(kPlaceWidth * static_cast<double>(panel.places.size()), 4 * kPlaceWidth);
}

// Rates stand on a scale from 0, unless all of them are near 1, where differences would vanish.
Scale y_scale(const LinePanel& panel) {
  Range range;
  for (const Line& line : panel.lines) {
    for (const LinePoint& point : line.points) {
      for (const auto& value : {point.estimate.value, point.estimate.low, point.estimate.high})
        if (value) range.include(*value);
      for (const double seed : point.seeds) range.include(seed);
    }
  }
  for (const Level& level : panel.levels) range.include(level.value);
  if (panel.curves) return round_scale(range.low, range.high);
  Scale scale = round_scale(range.low > 0.7 ? range.low : 0, std::max(range.high, 0.01));
  scale.high = range.high <= 1 ? std::min(scale.high, std::max(1.0, range.high)) : scale.high;
  return scale;
}

Scale x_scale(const LinePanel& panel) {
  if (!panel.places.empty()) return {0, static_cast<double>(panel.places.size()), 1};
  Range range;
  if (panel.curves) range.include(0);
  for (const Line& line : panel.lines)
    for (const LinePoint& point : line.points) range.include(point.x);
  return round_scale(range.low, range.high, 6);
}

// Lines stand a little apart, so that their intervals can be told apart.
void draw_line(const Panel& panel, const Line& line, double offset, double shift, bool marks) {
  Svg& svg = panel.svg();
  std::vector<std::pair<double, double>> pixels;
  for (const LinePoint& point : line.points) {
    if (!point.estimate.value) continue;
    const double x = panel.x(point.x + offset) + shift, y = panel.y(*point.estimate.value);
    pixels.emplace_back(x, y);
    if (marks) svg.disc(x, y, 3.5, line.colour);
    if (point.estimate.low && point.estimate.high)
      svg.line(x, panel.y(*point.estimate.low), x, panel.y(*point.estimate.high), {line.colour, 1.2});
    for (const double seed : point.seeds)
      if (point.seeds.size() > 1) svg.ring(x, panel.y(seed), 2.2, {line.colour, 1});
  }
  svg.polyline(pixels, {line.colour, 1.8});
}

void draw(Svg& svg, double x, double y, const LinePanel& content) {
  const double width = width_of(content);
  const Panel panel(svg, {x, y, width, kHeight}, content.title, x_scale(content), y_scale(content),
                    content.places.empty(), content.places.empty() && !content.curves ? kInset : 0);
  for (std::size_t i = 0; i < content.places.size(); ++i)
    svg.words(panel.x(static_cast<double>(i) + 0.5), y + kHeight + 17, content.places[i], Anchor::kMiddle, 11);
  svg.words(x + width, y + kHeight + 36, content.x_label, Anchor::kEnd, 11);
  for (const Level& level : content.levels)
    svg.line(x, panel.y(level.value), x + width, panel.y(level.value), {level.colour, 1.3, "6 4"});
  const double middle = (static_cast<double>(content.lines.size()) - 1) / 2;
  for (std::size_t i = 0; i < content.lines.size(); ++i)
    draw_line(panel, content.lines[i], content.places.empty() ? 0 : 0.5,
              content.curves ? 0 : (static_cast<double>(i) - middle) * 5,
              !content.curves || content.lines[i].points.size() == 1);
}

struct Key {
  std::string label, colour;
  bool dashed;
  bool operator==(const Key&) const = default;
};

std::vector<Key> keys_of(const std::vector<LinePanel>& panels) {
  std::vector<Key> keys;
  const auto add = [&](const Key& key) {
    if (!key.label.empty() && std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  };
  for (const LinePanel& panel : panels) {
    for (const Line& line : panel.lines) add({line.label, line.colour, false});
    for (const Level& level : panel.levels) add({level.label, level.colour, true});
  }
  return keys;
}

constexpr double kLetter = 6.6;  // of a word of size 11, about

double key_width(const Key& key) { return 48 + kLetter * static_cast<double>(key.label.size()); }

// Returns the height used.
double place_keys(const std::vector<Key>& keys, double width,
                  const std::function<void(const Key&, double, double)>& at) {
  double x = kLeft, y = 0;
  for (const Key& key : keys) {
    if (x > kLeft && x + key_width(key) > width) x = kLeft, y += kLegendRow;
    at(key, x, y);
    x += key_width(key);
  }
  return y + kLegendRow;
}
// The upper left corners of panels side by side, as many in a row as a page is wide.
struct Layout {
  std::vector<std::pair<double, double>> corners;
  double width, bottom;
};

template <class P>
Layout place(const std::vector<P>& panels, double left, double gap, double row, double least_width) {
  Layout layout{{}, least_width, kPanelTop};
  double x = left;
  for (const P& panel : panels) {
    const double width = width_of(panel);
    if (x > left && x + width + kEdge > kPageWidth) x = left, layout.bottom += row;
    layout.corners.emplace_back(x, layout.bottom);
    if (width == 0) continue;
    layout.width = std::max(layout.width, x + width + kEdge);
    x += width + gap;
  }
  layout.bottom += row;
  return layout;
}

template <class P>
Svg draw_all(const std::string& title, const std::vector<P>& panels, const Layout& layout, double legend) {
  Svg svg(layout.width, layout.bottom + legend);
  svg.words(16, 28, title, Anchor::kStart, 15, true);
  for (std::size_t i = 0; i < panels.size(); ++i)
    draw(svg, layout.corners[i].first, layout.corners[i].second, panels[i]);
  return svg;
}
}  // namespace

std::string bar_figure(const std::string& title, const std::vector<BarPanel>& panels) {
  if (!any_bar(panels, [](const Bar& bar) { return bar.estimate.value.has_value(); })) return "";
  const Layout layout = place(panels, kBarMargin, kBarMargin + 10, kBarRow, 520);
  Svg svg = draw_all(title, panels, layout, 0);
  draw_legend(svg, kBarMargin, layout.bottom - kEdge, panels);
  return svg.text();
}

std::string line_figure(const std::string& title, const std::vector<LinePanel>& all) {
  std::vector<LinePanel> panels;
  std::ranges::copy_if(all, std::back_inserter(panels), has_points);
  if (panels.empty()) return "";
  const Layout layout = place(panels, kLeft, kGap, kRow, 560);
  const std::vector<Key> keys = keys_of(panels);
  const double legend = place_keys(keys, layout.width, [](const Key&, double, double) {});
  Svg svg = draw_all(title, panels, layout, legend);
  place_keys(keys, layout.width, [&](const Key& key, double x, double y) {
    const double line = layout.bottom + y;
    svg.line(x, line - 4, x + 24, line - 4, {key.colour, 2, key.dashed ? "6 4" : ""});
    if (!key.dashed) svg.disc(x + 12, line - 4, 3.5, key.colour);
    svg.words(x + 30, line, key.label, Anchor::kStart, 11);
  });
  return svg.text();
}

}  // namespace recpo::report
