#include "src/report/svg.hpp"

#include <fmt/format.h>

#include "src/report/markup.hpp"

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

}  // namespace recpo::report
