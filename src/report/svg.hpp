#pragma once
// A picture as SVG text: lines, boxes, marks and words in pixels, origin at the upper left. Knows no data.

#include <string>
#include <utility>
#include <vector>

namespace recpo::report {

struct Stroke {
  std::string colour = "#000000";
  double width = 1;
  std::string dashes;  // "4 3"; empty: solid
};

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  Svg(double width, double height);

  void line(double x1, double y1, double x2, double y2, const Stroke& stroke);
  void polyline(const std::vector<std::pair<double, double>>& points, const Stroke& stroke);
  void box(double x, double y, double width, double height, const std::string& fill);
  void disc(double x, double y, double radius, const std::string& fill);
  void ring(double x, double y, double radius, const Stroke& stroke);     // hollow
  void diamond(double x, double y, double radius, const Stroke& stroke);  // hollow
  void words(double x, double y, const std::string& text, Anchor anchor = Anchor::kStart, double size = 12,
             bool bold = false);
  void label(double x, double y, const std::string& text);  // of a mark: centred, legible on whatever lies below it

  std::string text() const { return content_ + "</svg>\n"; }

 private:
  std::string content_;
};

}  // namespace recpo::report
