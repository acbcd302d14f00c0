#include "src/report/lines.hpp"

#include <algorithm>
#include <functional>

#include "src/report/panel.hpp"

namespace recpo::report {
namespace {
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
  return std::any_of(panel.lines.begin(), panel.lines.end(), [](const Line& line) {
    return std::any_of(line.points.begin(), line.points.end(), [](const LinePoint& p) { return !!p.estimate.value; });
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
  Scale scale = round_scale(range.low > 0.7 ? range.low : 0, std::max(range.high, 0.01));
  scale.high = range.high <= 1 ? std::min(scale.high, std::max(1.0, range.high)) : scale.high;
  return scale;
}

Scale x_scale(const LinePanel& panel) {
  if (!panel.places.empty()) return {0, static_cast<double>(panel.places.size()), 1};
  Range range;
  for (const Line& line : panel.lines)
    for (const LinePoint& point : line.points) range.include(point.x);
  return round_scale(range.low, range.high, 6);
}

// Lines stand a little apart, so that their intervals can be told apart.
void draw_line(const Panel& panel, const Line& line, double offset, double shift) {
  Svg& svg = panel.svg();
  std::vector<std::pair<double, double>> pixels;
  for (const LinePoint& point : line.points) {
    if (!point.estimate.value) continue;
    const double x = panel.x(point.x + offset) + shift, y = panel.y(*point.estimate.value);
    pixels.emplace_back(x, y);
    svg.disc(x, y, 3.5, line.colour);
    if (point.estimate.low && point.estimate.high)
      svg.line(x, panel.y(*point.estimate.low), x, panel.y(*point.estimate.high), {line.colour, 1.2, ""});
    for (const double seed : point.seeds)
      if (point.seeds.size() > 1) svg.ring(x, panel.y(seed), 2.2, {line.colour, 1, ""});
  }
  svg.polyline(pixels, {line.colour, 1.8, ""});
}

void draw(Svg& svg, double x, double y, const LinePanel& content) {
  const double width = width_of(content);
  const Panel panel(svg, {x, y, width, kHeight}, content.title, x_scale(content), y_scale(content),
                    content.places.empty(), content.places.empty() ? kInset : 0);
  for (std::size_t i = 0; i < content.places.size(); ++i)
    svg.words(panel.x(static_cast<double>(i) + 0.5), y + kHeight + 17, content.places[i], Anchor::kMiddle, 11);
  svg.words(x + width, y + kHeight + 36, content.x_label, Anchor::kEnd, 11);
  for (const Level& level : content.levels)
    svg.line(x, panel.y(level.value), x + width, panel.y(level.value), {level.colour, 1.3, "6 4"});
  const double middle = (static_cast<double>(content.lines.size()) - 1) / 2;
  for (std::size_t i = 0; i < content.lines.size(); ++i)
    draw_line(panel, content.lines[i], content.places.empty() ? 0 : 0.5, (static_cast<double>(i) - middle) * 5);
}

struct Key {
  std::string label, colour;
  bool dashed;
  bool operator==(const Key&) const = default;
};

std::vector<Key> keys_of(const std::vector<LinePanel>& panels) {
  std::vector<Key> keys;
  const auto add = [&](const Key& key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
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
}  // namespace

std::string line_figure(const std::string& title, const std::vector<LinePanel>& all) {
  std::vector<LinePanel> panels;
  std::copy_if(all.begin(), all.end(), std::back_inserter(panels), has_points);
  if (panels.empty()) return "";
  std::vector<std::pair<double, double>> places;
  double x = kLeft, y = kPanelTop, width = 560;
  for (const LinePanel& panel : panels) {
    if (x > kLeft && x + width_of(panel) + 20 > kPageWidth) x = kLeft, y += kRow;
    places.emplace_back(x, y);
    width = std::max(width, x + width_of(panel) + 20);
    x += width_of(panel) + kGap;
  }
  const std::vector<Key> keys = keys_of(panels);
  const double legend = place_keys(keys, width, [](const Key&, double, double) {});
  Svg svg(width, y + kRow + legend);
  svg.words(16, 28, title, Anchor::kStart, 15, true);
  for (std::size_t i = 0; i < panels.size(); ++i) draw(svg, places[i].first, places[i].second, panels[i]);
  place_keys(keys, width, [&](const Key& key, double key_x, double key_y) {
    const double line = y + kRow + key_y;
    svg.line(key_x, line - 4, key_x + 24, line - 4, {key.colour, 2, key.dashed ? "6 4" : ""});
    if (!key.dashed) svg.disc(key_x + 12, line - 4, 3.5, key.colour);
    svg.words(key_x + 30, line, key.label, Anchor::kStart, 11);
  });
  return svg.text();
}

}  // namespace recpo::report
