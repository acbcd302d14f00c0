#include "src/report/panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace recpo::report {

Scale round_scale(double low, double high, int ticks) {
  if (!(high > low)) {  // a single value: some room around it
    const double room = std::max(std::abs(low) * 0.1, 1e-6);
    low -= room, high += room;
  }
  const double raw = (high - low) / ticks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double factor = raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10;
  const double step = factor * power;
  // A billionth of a step forgives the rounding of 0.3 / 0.1.
  return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
}

std::string tick_label(const Scale& scale, double value) {
  if (std::abs(value) < 1e-9 * scale.step) value = 0;
  const auto digits = static_cast<int>(std::ceil(-std::log10(scale.step) - 1e-9));
  if (digits > 6 || std::abs(value) >= 1e7) return fmt::format("{:.3g}", value);
  return fmt::format("{:.{}f}", value, std::max(digits, 0));
}

Panel::Panel(Svg& svg, const Frame& frame, const std::string& title, const Scale& x, const Scale& y, bool draw_x,
             double inset)
    : svg_(svg), frame_(frame), x_(x), y_(y), inset_(inset) {
  const Stroke grid{"#dddddd", 1, ""}, axis{"#444444", 1, ""};
  const auto steps = [](const Scale& scale) { return std::lround((scale.high - scale.low) / scale.step); };
  for (long i = 0; i <= steps(y_); ++i) {
    const double value = y_.low + static_cast<double>(i) * y_.step;
    svg_.line(frame_.x, this->y(value), frame_.x + frame_.width, this->y(value), grid);
    svg_.words(frame_.x - 6, this->y(value) + 4, tick_label(y_, value), Anchor::kEnd, 11);
  }
  const double bottom = frame_.y + frame_.height;
  for (long i = 0; draw_x && i <= steps(x_); ++i) {
    const double value = x_.low + static_cast<double>(i) * x_.step;
    svg_.line(this->x(value), bottom, this->x(value), bottom + 4, axis);
    svg_.words(this->x(value), bottom + 17, tick_label(x_, value), Anchor::kMiddle, 11);
  }
  svg_.line(frame_.x, frame_.y, frame_.x, bottom, axis);
  svg_.line(frame_.x, bottom, frame_.x + frame_.width, bottom, axis);
  svg_.words(frame_.x, frame_.y - 20, title, Anchor::kStart, 13, true);
}

}  // namespace recpo::report
