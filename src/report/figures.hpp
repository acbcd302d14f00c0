#pragma once
// The pictures of a report, each as the text of an SVG file; empty when there is nothing to show.

#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"
#include "src/report/lines.hpp"
#include "src/report/training_log.hpp"

namespace recpo::report {

// Bars of HR@1 and ValidRatio (and of adherence and avoidance rates where there are any) for every system, with 95 %
// intervals, the paper's figures as diamonds and chance as a dashed line.
std::string hit_rate_figure(const std::vector<SystemFigures>& figures, const std::string& dataset);

// HR@1 over the length of the history, a line a system.
LinePanel history_panel(const std::vector<SystemFigures>& figures, const std::string& title);
std::string history_figure(const std::vector<SystemFigures>& figures, const std::string& dataset);

// Loss of each stage, reward margin and reward accuracy over the steps.
std::string training_figure(const TrainingLog& log);

}  // namespace recpo::report
