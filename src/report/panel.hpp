#pragma once
// One pair of axes inside a picture: a scale with round ticks, grid lines, their labels and a title.

#include <string>

#include "src/report/svg.hpp"

namespace recpo::report {

// Of a picture with several panels: its width, and where they begin below its title and legend.
inline constexpr double kPageWidth = 1060, kPanelTop = 74;

struct Scale {
  double low = 0, high = 1, step = 0.2;  // low and high are multiples of step
};
// The smallest scale with about `ticks` steps of 1, 2 or 5 times a power of ten that covers [low, high].
Scale round_scale(double low, double high, int ticks = 5);
std::string tick_label(const Scale& scale, double value);

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
  const Frame& frame() const { return frame_; }
  Svg& svg() const { return svg_; }

 private:
  Svg& svg_;
  Frame frame_;
  Scale x_, y_;
  double inset_;
};

}  // namespace recpo::report
