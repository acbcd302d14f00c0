#include <algorithm>

#include "src/report/figures.hpp"
#include "src/report/panel.hpp"

namespace recpo::report {
namespace {
constexpr std::size_t kMostPoints = 400;  // of one curve: more than its pixels
using Points = std::vector<std::pair<double, double>>;

struct CurvePanel {
  std::string title;
  Points points;
  const char* colour;
};

Scale value_scale(const Points& points) {
  double low = points.front().second, high = low;
  for (const auto& [x, y] : points) low = std::min(low, y), high = std::max(high, y);
  return round_scale(low, high);
}

void draw_curve(Svg& svg, const Panel::Frame& frame, const CurvePanel& curve) {
  const Panel panel(svg, frame, curve.title, round_scale(0, curve.points.back().first), value_scale(curve.points),
                    true);
  Points pixels;
  for (const auto& [x, y] : curve.points) pixels.emplace_back(panel.x(x), panel.y(y));
  svg.polyline(pixels, {curve.colour, 1.6, ""});
  if (pixels.size() == 1) svg.disc(pixels[0].first, pixels[0].second, 3, curve.colour);
  svg.words(frame.x + frame.width, frame.y + frame.height + 33, "step", Anchor::kEnd, 11);
}

// Systems that have history buckets.
std::vector<const SystemFigures*> with_history(const std::vector<SystemFigures>& figures) {
  std::vector<const SystemFigures*> result;
  for (const SystemFigures& f : figures)
    if (!f.history.empty()) result.push_back(&f);
  return result;
}

// All buckets that any system has, in the order of their begins.
std::vector<std::string> bucket_names(const std::vector<const SystemFigures*>& figures) {
  std::vector<std::string> names;
  for (const SystemFigures* f : figures)
    for (const TestFigures& bucket : f->history)
      if (std::find(names.begin(), names.end(), bucket.test) == names.end()) names.push_back(bucket.test);
  const auto begin_of = [](const std::string& name) { return std::stoll(name.substr(name.find(' ') + 1)); };
  std::sort(names.begin(), names.end(),
            [&](const std::string& a, const std::string& b) { return begin_of(a) < begin_of(b); });
  return names;
}

double highest_rate(const std::vector<const SystemFigures*>& figures) {
  double highest = 0;
  for (const SystemFigures* f : figures)
    for (const TestFigures& bucket : f->history)
      highest = std::max(highest, bucket.hit_rate.high.value_or(bucket.hit_rate.value.value_or(0)));
  return highest;
}

// Systems stand a little apart, so that their intervals can be told apart.
void draw_history(const Panel& panel, const SystemFigures& f, const std::vector<std::string>& names, double shift) {
  const char* colour = f.system->colour;
  Points pixels;
  for (const TestFigures& bucket : f.history) {
    if (!bucket.hit_rate.value) continue;
    const auto place = std::find(names.begin(), names.end(), bucket.test) - names.begin();
    const double x = panel.x(static_cast<double>(place) + 0.5) + shift, y = panel.y(*bucket.hit_rate.value);
    pixels.emplace_back(x, y);
    panel.svg().disc(x, y, 3.5, colour);
    if (bucket.hit_rate.low && bucket.hit_rate.high)
      panel.svg().line(x, panel.y(*bucket.hit_rate.low), x, panel.y(*bucket.hit_rate.high), {colour, 1.2, ""});
  }
  panel.svg().polyline(pixels, {colour, 1.8, ""});
}
}  // namespace

std::string training_figure(const TrainingLog& log) {
  std::vector<CurvePanel> curves = {
      {"Loss, supervised fine-tuning", thinned(log.sft_loss, kMostPoints), find_system("sft")->colour},
      {"Loss, alignment", thinned(log.align_loss, kMostPoints), find_system("recpo")->colour},
      {"Reward margin (preferred - dispreferred)", thinned(log.margin, kMostPoints), find_system("s-dpo")->colour},
      {"Reward accuracy", thinned(log.accuracy, kMostPoints), find_system("dpo")->colour}};
  std::erase_if(curves, [](const CurvePanel& curve) { return curve.points.empty(); });
  if (curves.empty()) return "";
  constexpr double kWidth = 380, kHeight = 200, kStepX = 470, kStepY = 290;
  const double columns = curves.size() > 1 ? 2 : 1;
  const double rows = curves.size() > 2 ? 2 : 1;
  Svg svg(kStepX * columns + 10, 40 + kStepY * rows);
  svg.words(16, 28, "Training", Anchor::kStart, 15, true);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const double column = static_cast<double>(i % 2), row = static_cast<double>(i / 2);
    draw_curve(svg, {66 + kStepX * column, 74 + kStepY * row, kWidth, kHeight}, curves[i]);
  }
  return svg.text();
}

std::string history_figure(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  const std::vector<const SystemFigures*> systems = with_history(figures);
  if (systems.empty()) return "";
  const std::vector<std::string> names = bucket_names(systems);
  constexpr double kSlot = 110, kHeight = 260, kLeft = 66;
  const double width = kSlot * static_cast<double>(names.size());
  Svg svg(std::max(width + kLeft + 150, 520.0), kHeight + 140);
  svg.words(16, 28, "HR@1 by length of the history, " + dataset, Anchor::kStart, 15, true);
  const Panel panel(svg, {kLeft, 74, width, kHeight}, "HR@1, 95 % intervals", {0, static_cast<double>(names.size()), 1},
                    round_scale(0, std::max(highest_rate(systems), 0.01)), false);
  for (std::size_t i = 0; i < names.size(); ++i)
    svg.words(panel.x(static_cast<double>(i) + 0.5), 74 + kHeight + 17, names[i].substr(names[i].find(' ') + 1),
              Anchor::kMiddle, 11);
  svg.words(kLeft + width, 74 + kHeight + 36, "interactions before the question", Anchor::kEnd, 11);
  for (std::size_t i = 0; i < systems.size(); ++i) {
    const double shift = (static_cast<double>(i) - static_cast<double>(systems.size() - 1) / 2) * 6;
    draw_history(panel, *systems[i], names, shift);
    const double y = 84 + 18 * static_cast<double>(i);
    svg.box(kLeft + width + 16, y - 8, 10, 10, systems[i]->system->colour);
    svg.words(kLeft + width + 32, y + 1, systems[i]->system->label, Anchor::kStart, 11);
  }
  return svg.text();
}

}  // namespace recpo::report
