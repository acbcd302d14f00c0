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

}  // namespace recpo::report
