#pragma once
// Panels of bars with 95 % intervals, values of single seeds as dots, the paper's figures as diamonds, chance as a
// dashed line, and words where a bar is missing.

#include <optional>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"
#include "src/report/svg.hpp"

namespace recpo::report {

struct Bar {
  std::string label;  // a line end splits it in two lines
  std::string colour;
  Estimate estimate;  // without a value: "not run"
  std::optional<double> paper;
  std::vector<double> seeds;  // drawn when there are several
};

struct BarPanel {
  std::string title;
  std::vector<Bar> bars;
  std::optional<double> chance;
};

inline constexpr double kBarPanelHeight = 230, kBarRow = 310, kBarMargin = 56;  // pixels: plotted area, with its labels
double width_of(const BarPanel& panel);

// (x, y) is the upper left corner of the plotted area. Draws nothing without bars.
void draw(Svg& svg, double x, double y, const BarPanel& panel);

// The signs that the panels use, in one line from (x, y).
void draw_legend(Svg& svg, double x, double y, const std::vector<BarPanel>& panels);

// A picture of its own: the panels that have bars, side by side as far as a page is wide. Empty when there are none.
std::string bar_figure(const std::string& title, const std::vector<BarPanel>& panels);

}  // namespace recpo::report
