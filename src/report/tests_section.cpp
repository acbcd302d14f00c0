#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "src/report/figures.hpp"
#include "src/report/sections.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {
namespace {
std::vector<BarPanel> bars_of(const Study& study, const std::string& test) {
  std::vector<BarPanel> panels;
  for (const std::string& dataset : study.datasets) {
    BarPanel panel{fmt::format("{}, {}", describe_test(test).title, dataset)};
    for (const Variant* variant : study.bases(dataset)) {
      if (!variant->pooled.metric(test, kHitRate).value) continue;
      panel.bars.push_back(bar_of(variant, test, kHitRate, variant->system->label, variant->system->colour));
      panel.chance = variant->pooled.metric(test, kChance).value;
    }
    panels.push_back(std::move(panel));
  }
  return panels;
}

std::int64_t begin_of(const std::string& bucket) {
  std::int64_t begin = 0;
  std::from_chars(bucket.data(), bucket.data() + bucket.size(), begin);
  return begin;
}

// A line a system over the buckets that any system has.
LinePanel lines_of(const Study& study, const std::string& dataset, const std::string& test) {
  LinePanel panel{"HR@1, " + dataset, "interactions before the question"};
  const std::vector<const Variant*> bases = study.bases(dataset);
  for (const Variant* variant : bases)
    for (const TestMetrics& bucket : variant->pooled.buckets(test))
      if (std::ranges::find(panel.places, bucket.bucket) == panel.places.end()) panel.places.push_back(bucket.bucket);
  std::ranges::sort(panel.places, {}, begin_of);
  for (const Variant* variant : bases) {
    Line line{variant->system->label, variant->system->colour};
    for (const TestMetrics& bucket : variant->pooled.buckets(test)) {
      const auto place = std::ranges::find(panel.places, bucket.bucket) - panel.places.begin();
      line.points.push_back({static_cast<double>(place), bucket.metric(kHitRate)});
    }
    if (!line.points.empty()) panel.lines.push_back(std::move(line));
  }
  return panel;
}
}  // namespace

void add_tests(const Study& study, Document& document) {
  std::set<std::string> tests;
  for (const Variant& variant : study.variants)
    for (const TestMetrics& test : variant.pooled.tests)
      if (variant.is_base && !test.is_main()) tests.insert(test.test);
  Document section;
  for (const std::string& test : tests) {
    const TestView label = describe_test(test);
    section.add(Picture{label.picture, bar_figure(label.title, bars_of(study, test)),
                        fmt::format("{} {}", label.meaning, kSigns)});
    std::vector<LinePanel> panels;
    for (const std::string& dataset : study.datasets) panels.push_back(lines_of(study, dataset, test));
    section.add(Picture{study.is_single_run() ? label.picture_of_run : label.picture, line_figure(label.title, panels),
                        fmt::format("{} Lines stand a little apart so that their 95 % intervals can be told apart; of "
                                    "several seeds the mean of their intervals.",
                                    label.meaning)});
  }
  if (section.blocks.empty()) return;
  document.add(Heading{"Figure 4: adherence, avoidance, history lengths"});
  for (Block& block : section.blocks) document.add(std::move(block));
}

}  // namespace recpo::report
