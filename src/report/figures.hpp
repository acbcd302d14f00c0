#pragma once
// Figures of panels side by side, as SVG: bars, and lines. Empty when no panel has anything to show.

#include <optional>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

struct Bar {
  std::string label;  // a line end splits it in two lines
  std::string colour;
  Estimate estimate = {};  // without a value: "not run"
  std::optional<double> paper = {};
  std::vector<double> seeds = {};  // drawn when there are several
};

struct BarPanel {
  std::string title;
  std::vector<Bar> bars = {};
  std::optional<double> chance = {};
};

// Bars with 95 % intervals, values of single seeds as rings, the paper's numbers as diamonds, chance as a dashed line.
std::string bar_figure(const std::string& title, const std::vector<BarPanel>& panels);

struct LinePoint {
  double x = 0;  // the number, or the index of the place
  Estimate estimate = {};
  std::vector<double> seeds = {};  // drawn when there are several
};

struct Line {
  std::string label, colour;  // without a label it has no place in the legend
  std::vector<LinePoint> points = {};
};

struct Level {  // a dashed horizontal line
  std::string label, colour;
  double value = 0;
};

struct LinePanel {
  std::string title, x_label;
  std::vector<std::string> places = {};  // names below the axis, equally far apart; empty: a scale of numbers
  std::vector<Line> lines = {};          // points without a value are left out
  std::vector<Level> levels = {};
  bool curves = false;  // without marks, on a scale of their own values
};

// Lines with 95 % intervals over a number or over named places, with levels to compare with, or curves of many points;
// one legend for all panels.
std::string line_figure(const std::string& title, const std::vector<LinePanel>& panels);

}  // namespace recpo::report
