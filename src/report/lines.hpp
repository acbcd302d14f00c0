#pragma once
// Panels of lines with 95 % intervals over a number or over named places, with levels to compare with.

#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

struct LinePoint {
  double x = 0;  // the number, or the index of the place
  Estimate estimate;
  std::vector<double> seeds;  // drawn when there are several
};

struct Line {
  std::string label, colour;
  std::vector<LinePoint> points;
};

struct Level {  // a dashed horizontal line
  std::string label, colour;
  double value = 0;
};

struct LinePanel {
  std::string title, x_label;
  std::vector<std::string> places;  // names below the axis, equally far apart; empty: a scale of numbers
  std::vector<Line> lines;          // points without a value are left out
  std::vector<Level> levels;
};

// The panels that have points, side by side as far as a page is wide, and one legend for all labels below them. Empty
// when there are none.
std::string line_figure(const std::string& title, const std::vector<LinePanel>& panels);

}  // namespace recpo::report
