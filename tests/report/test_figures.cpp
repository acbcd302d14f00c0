// Scales of the axes, and figures read back from their SVG: bars as high as their figures say.

#include <gtest/gtest.h>

#include <cmath>

#include "src/report/sections.hpp"
#include "src/report/svg.hpp"
#include "src/report/training_log.hpp"
#include "tests/report/made_runs.hpp"

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

std::vector<bool> hits(std::size_t right) { return first_right(10, right); }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string picture(const Study& study, void (*add)(const Study&, Document&)) {
  Document document;
  add(study, document);
  for (const Block& block : document.blocks)
    if (const auto* found = std::get_if<Picture>(&block)) return found->svg;
  return "";
}

double bar_height(const std::string& svg, const Study& study, const char* system) {
  const auto end = svg.find("fill=\"" + study.find(system)->colour);
  const auto begin = svg.rfind("height=\"", end) + 8;
  return std::stod(svg.substr(begin));
}

TEST(ResultsFigure, BarsAreProportional) {
  const Study study = study_of({{"a", "sft", "ml-1m", 1, "", hits(1)}, {"b", "recpo", "ml-1m", 1, "", hits(3)}});
  const std::string svg = picture(study, add_results);
  // both ends of a bar are written with two decimals
  EXPECT_NEAR(bar_height(svg, study, "recpo"), 3 * bar_height(svg, study, "sft"), 0.02);
  EXPECT_EQ(count(svg, "<polygon"), 9u + 9u + 1u);  // the paper's HR@1 and ValidRatio, and the legend
  EXPECT_EQ(count(svg, "stroke-dasharray"), 1u + 1u);
  EXPECT_NE(svg.find(">RecPO<"), std::string::npos);
  EXPECT_EQ(count(picture(study_of({{"a", "sft", "ml-100k"}}), add_results), "<polygon"), 0u);
}

TEST(ResultsFigure, UnknownSystemsHaveColoursOfTheirOwn) {
  const Study study = study_of({{"a", "another", "x"}, {"b", "sft", "x"}, {"c", "recpo", "x"}, {"d", "tree", "x"}});
  std::set<std::string> colours;
  for (const System& system : study.systems) colours.insert(system.colour);
  EXPECT_EQ(colours.size(), 4u);
  EXPECT_EQ(study.find("another")->label, "another");
  EXPECT_NE(picture(study, add_results).find(">another<"), std::string::npos);
}

TEST(Figures, NothingToShow) {
  const Study study = study_of({{"a", "sft"}});
  EXPECT_EQ(picture(study, add_tests), "");
  EXPECT_EQ(picture(study, add_sweeps), "");
  EXPECT_EQ(training_figure({}), "");
}

TEST(HistoryFigure, OneLineASystem) {
  std::vector<RunFolder> runs = read_all({{"a", "sft"}});
  for (const char* bucket : {"0-9", "10-19"}) {
    runs[0].systems[0].tests.push_back(runs[0].systems[0].tests[0]);
    runs[0].systems[0].tests.back().test = "history-length";
    runs[0].systems[0].tests.back().bucket = bucket;
  }
  const std::string svg = picture(arrange(std::move(runs), paper()), add_tests);
  EXPECT_EQ(count(svg, "<polyline"), 1u);
  EXPECT_EQ(count(svg, "<circle"), 2u + 1u);  // and the legend
  EXPECT_LT(svg.find(">0-9<"), svg.find(">10-19<"));
}

TEST(TrainingFigure, APanelForEachCurve) {
  TrainingLog log;
  for (int step = 1; step <= 1000; ++step) log.sft.loss[step] = 1.0 / step;
  EXPECT_EQ(count(training_figure({{"", "", log}}), "<polyline"), 1u);
  log.align.loss = log.align.margin = {{1, 2.0}};
  EXPECT_EQ(count(training_figure({{"", "", log}}), "<polyline"), 3u);
  EXPECT_EQ(count(training_figure({{"", "", log}}), "<circle"), 2u);
  log.sft.eval_loss = log.sft.hit_rate = log.sft.mrr = log.align.eval_loss = {{10, 2.0}, {20, 1.0}};
  EXPECT_EQ(count(training_figure({{"", "", log}}), "<polyline"), 7u);
  EXPECT_EQ(count(training_figure({{"", "", log}}), ">Validation loss, "), 2u);
}

TEST(Svg, EscapesWords) {
  Svg svg(10, 10);
  svg.words(0, 0, "a < b & c > d");
  EXPECT_NE(svg.text().find("a &lt; b &amp; c &gt; d"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
