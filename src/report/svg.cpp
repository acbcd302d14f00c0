#include "src/report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
std::string attributes(const Stroke& stroke) {
  const std::string dashes = stroke.dashes.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", stroke.dashes);
  return fmt::format("stroke=\"{}\" stroke-width=\"{:.2f}\"{}", stroke.colour, stroke.width, dashes);
}
}  // namespace

Svg::Svg(double width, double height)
    : content_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
                           "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"DejaVu Sans, Helvetica, sans-serif\">\n",
                           width, height)) {
  box(0, 0, width, height, "#ffffff");
}

void Svg::line(double x1, double y1, double x2, double y2, const Stroke& stroke) {
  content_ += fmt::format("<line x1=\"{:.2f}\" y1=\"{:.2f}\" x2=\"{:.2f}\" y2=\"{:.2f}\" {}/>\n", x1, y1, x2, y2,
                          attributes(stroke));
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points, const Stroke& stroke) {
  content_ += "<polyline fill=\"none\" stroke-linejoin=\"round\" " + attributes(stroke) + " points=\"";
  for (const auto& [x, y] : points) content_ += fmt::format("{:.2f},{:.2f} ", x, y);
  content_ += "\"/>\n";
}

void Svg::box(double x, double y, double width, double height, const std::string& fill) {
  content_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n", x, y,
                          width, height, fill);
}

void Svg::disc(double x, double y, double radius, const std::string& fill) {
  content_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" fill=\"{}\"/>\n", x, y, radius, fill);
}

void Svg::ring(double x, double y, double radius, const Stroke& stroke) {
  content_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" fill=\"#ffffff\" {}/>\n", x, y, radius,
                          attributes(stroke));
}

void Svg::diamond(double x, double y, double radius, const Stroke& stroke) {
  content_ +=
      fmt::format("<polygon fill=\"#ffffff\" {} points=\"{:.2f},{:.2f} {:.2f},{:.2f} {:.2f},{:.2f} {:.2f},{:.2f}\"/>\n",
                  attributes(stroke), x, y - radius, x + radius, y, x, y + radius, x - radius, y);
}

void Svg::words(double x, double y, const std::string& text, Anchor anchor, double size, bool bold) {
  const char* place = anchor == Anchor::kStart ? "start" : anchor == Anchor::kMiddle ? "middle" : "end";
  content_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" font-size=\"{:.0f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                          size, place, bold ? " font-weight=\"bold\"" : "", escape_markup(text));
}

void Svg::label(double x, double y, const std::string& text) {
  content_ += fmt::format(
      "<text x=\"{:.2f}\" y=\"{:.2f}\" font-size=\"11\" text-anchor=\"middle\" stroke=\"#ffffff\" stroke-width=\"3\" "
      "paint-order=\"stroke\">{}</text>\n",
      x, y, escape_markup(text));
}

namespace {
constexpr const char* kReplacement = "\xEF\xBF\xBD";

bool is_noncharacter(std::string_view three_bytes) {  // U+FFFE and U+FFFF
  return three_bytes == "\xEF\xBF\xBE" || three_bytes == "\xEF\xBF\xBF";
}
}  // namespace

std::string escape_markup(std::string_view text) {
  static const std::map<char, const char*> kEntities = {{'&', "&amp;"},  {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"},
                                                        {'\'', "&#39;"}, {'\n', " "},   {'\t', " "},   {'\r', " "}};
  const std::string valid = text::replace_invalid_utf8(text);
  std::string result;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (const auto entity = kEntities.find(c); entity != kEntities.end()) {
      result += entity->second;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += kReplacement;
    } else if (is_noncharacter(std::string_view(valid).substr(i, 3))) {
      result += kReplacement;
      i += 2;
    } else {
      result += c;
    }
  }
  return result;
}

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
  const Stroke grid{"#dddddd"}, axis{"#444444"};
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
