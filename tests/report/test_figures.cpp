// Scales of the axes, and figures read back from their SVG: bars as high as their figures say.

#include <gtest/gtest.h>

#include <cmath>

#include "src/report/figures.hpp"
#include "src/report/panel.hpp"

namespace recpo::report {
namespace {
TEST(RoundScale, StepsOfOneTwoFive) {
  const auto expect = [](double low, double high, const Scale& right) {
    const Scale scale = round_scale(low, high);
    const double rounding = 4 * 0x1.0p-52 * (std::abs(right.low) + std::abs(right.high));
    EXPECT_NEAR(scale.low, right.low, rounding);
    EXPECT_NEAR(scale.high, right.high, rounding);
    EXPECT_NEAR(scale.step, right.step, rounding);
  };
  expect(0, 0.34, {0, 0.4, 0.1});
  expect(0, 1, {0, 1, 0.2});
  expect(-3.2, 11, {-5, 15, 5});
  expect(0, 1234, {0, 1500, 500});
  EXPECT_LT(round_scale(2, 2).low, 2);
  EXPECT_GT(round_scale(2, 2).high, 2);
  EXPECT_GT(round_scale(0, 0).high, 0);
}

TEST(TickLabel, DigitsOfTheStep) {
  EXPECT_EQ(tick_label({0, 1, 0.2}, 0.4), "0.4");
  EXPECT_EQ(tick_label({0, 1, 0.05}, 0.1), "0.10");
  EXPECT_EQ(tick_label({0, 500, 100}, 300), "300");
  EXPECT_EQ(tick_label({-1, 1, 0.2}, -1e-17), "0.0");
}

SystemFigures system_figures(const char* name, double hit_rate) {
  SystemFigures figures;
  figures.system = find_system(name);
  TestFigures& main = figures.main.emplace();
  main.test = "main", main.rows = 100;
  main.hit_rate = {hit_rate, hit_rate * 0.5, hit_rate * 1.5};
  main.chance = 0.05;
  return figures;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

double bar_height(const std::string& svg, const char* system) {
  const auto end = svg.find(std::string("fill=\"") + find_system(system)->colour);
  const auto begin = svg.rfind("height=\"", end) + 8;
  return std::stod(svg.substr(begin));
}

TEST(HitRateFigure, BarsAreProportional) {
  const std::string svg = hit_rate_figure({system_figures("sft", 0.1), system_figures("recpo", 0.3)}, "ml-1m");
  // both ends of a bar are written with two decimals
  EXPECT_NEAR(bar_height(svg, "recpo"), 3 * bar_height(svg, "sft"), 0.02);
  EXPECT_EQ(count(svg, "<polygon"), 2u + 1u);  // the paper's figures, and the legend
  EXPECT_EQ(count(svg, "stroke-dasharray"), 1u + 1u);
  EXPECT_NE(svg.find(">RecPO<"), std::string::npos);
  EXPECT_EQ(count(hit_rate_figure({system_figures("sft", 0.1)}, "ml-100k"), "<polygon"), 0u);
}

TEST(HitRateFigure, NothingToShow) {
  EXPECT_EQ(hit_rate_figure({}, "ml-1m"), "");
  EXPECT_EQ(history_figure({}, "ml-1m"), "");
  EXPECT_EQ(training_figure({}), "");
}

TEST(HistoryFigure, OneLineASystem) {
  SystemFigures figures = system_figures("sft", 0.1);
  for (const char* bucket : {"history-length 0-9", "history-length 10-19"}) {
    figures.history.push_back(*figures.main);
    figures.history.back().test = bucket;
  }
  const std::string svg = history_figure({figures}, "ml-1m");
  EXPECT_EQ(count(svg, "<polyline"), 1u);
  EXPECT_EQ(count(svg, "<circle"), 2u + 1u);  // and the legend
  EXPECT_LT(svg.find(">0-9<"), svg.find(">10-19<"));
}

TEST(TrainingFigure, APanelForEachCurve) {
  TrainingLog log;
  for (int step = 1; step <= 1000; ++step) log.sft_loss[step] = 1.0 / step;
  EXPECT_EQ(count(training_figure(log), "<polyline"), 1u);
  log.align_loss = log.margin = {{1, 2.0}};
  EXPECT_EQ(count(training_figure(log), "<polyline"), 3u);
  EXPECT_EQ(count(training_figure(log), "<circle"), 2u);
}

TEST(Svg, EscapesWords) {
  Svg svg(10, 10);
  svg.words(0, 0, "a < b & c > d");
  EXPECT_NE(svg.text().find("a &lt; b &amp; c &gt; d"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
