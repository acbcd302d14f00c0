#pragma once
// A picture as SVG text: lines, boxes, marks and words in pixels, origin at the upper left; and panels with axes in it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace recpo::report {

// Any text as XML and HTML: & < > " ' become entities; control characters, which XML does not allow, and invalid UTF-8
// become U+FFFD. Line ends and tabs become spaces.
std::string escape_markup(std::string_view text);

struct Stroke {
  std::string colour = "#000000";
  double width = 1;
  std::string dashes = {};  // "4 3"; empty: solid
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
  void label(double x, double y, const std::string& text);  // of a mark: centred, legible on any background

  std::string text() const { return content_ + "</svg>\n"; }

 private:
  std::string content_;
};

struct Scale {
  double low = 0, high = 1, step = 0.2;  // low and high are multiples of step
};
// The smallest scale with about `ticks` steps of 1, 2 or 5 times a power of ten that covers [low, high].
Scale round_scale(double low, double high, int ticks = 5);
std::string tick_label(const Scale& scale, double value);

// A pair of axes: scales with round ticks, grid lines, labels and a title.
class Panel {
 public:
  struct Frame {
    double x = 0, y = 0, width = 0, height = 0;  // of the plotted area; labels stand outside of it
  };
  // Draws title and vertical scale; the horizontal one only when `draw_x` is set. The horizontal scale keeps `inset`
  // from both ends, for marks at its ends.
  Panel(Svg& svg, const Frame& frame, const std::string& title, const Scale& x, const Scale& y, bool draw_x,
        double inset = 0);

  double x(double value) const {
    return frame_.x + inset_ + (value - x_.low) / (x_.high - x_.low) * (frame_.width - 2 * inset_);
  }
  double y(double value) const {
    return frame_.y + frame_.height - (value - y_.low) / (y_.high - y_.low) * frame_.height;
  }
  Svg& svg() const { return svg_; }

 private:
  Svg& svg_;
  Frame frame_;
  Scale x_, y_;
  double inset_;
};

}  // namespace recpo::report
