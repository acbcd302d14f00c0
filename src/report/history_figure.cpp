#include <algorithm>
#include <charconv>

#include "src/report/figures.hpp"
#include "src/report/lines.hpp"

namespace recpo::report {
namespace {
std::string edges(const std::string& test) { return test.substr(test.find(' ') + 1); }  // "history-length 10-19"

std::int64_t begin_of(const std::string& test) {
  const std::string text = edges(test);
  std::int64_t begin = 0;
  std::from_chars(text.data(), text.data() + text.size(), begin);
  return begin;
}

// All buckets that any system has, in the order of their begins.
std::vector<std::string> bucket_names(const std::vector<SystemFigures>& figures) {
  std::vector<std::string> names;
  for (const SystemFigures& f : figures)
    for (const TestFigures& bucket : f.history)
      if (std::find(names.begin(), names.end(), bucket.test) == names.end()) names.push_back(bucket.test);
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return begin_of(a) < begin_of(b); });
  return names;
}
}  // namespace

LinePanel history_panel(const std::vector<SystemFigures>& figures, const std::string& title) {
  const std::vector<std::string> names = bucket_names(figures);
  LinePanel panel{title, "interactions before the question", {}, {}, {}};
  for (const std::string& name : names) panel.places.push_back(edges(name));
  for (const SystemFigures& f : figures) {
    if (f.history.empty()) continue;
    Line line{f.system->label, f.system->colour, {}};
    for (const TestFigures& bucket : f.history) {
      const auto place = std::find(names.begin(), names.end(), bucket.test) - names.begin();
      line.points.push_back({static_cast<double>(place), bucket.hit_rate, {}});
    }
    panel.lines.push_back(std::move(line));
  }
  return panel;
}

std::string history_figure(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  return line_figure("HR@1 by length of the history, " + dataset, {history_panel(figures, "HR@1, 95 % intervals")});
}

}  // namespace recpo::report
