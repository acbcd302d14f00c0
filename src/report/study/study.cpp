#include "src/report/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/paper.hpp"
#include "src/report/study/pooling.hpp"
#include "src/report/study/relevance.hpp"
#include "src/report/study/selection.hpp"
#include "src/support/check.hpp"

namespace recpo::report {
namespace {
std::size_t paper_place(const std::string& dataset) {
  const auto known = paper_datasets();
  return static_cast<std::size_t>(std::find(known.begin(), known.end(), dataset) - known.begin());
}

std::size_t num_tests(const SystemFigures& figures) {
  return static_cast<std::size_t>(figures.main.has_value()) + figures.adherence.has_value() +
         figures.avoidance.has_value() + !figures.history.empty();
}

bool seed_before(const Result& a, const Result& b) {  // as numbers, however long
  return std::pair(a.seed.size(), a.seed) < std::pair(b.seed.size(), b.seed);
}

// A second answer for the same seed is no further evidence: the one with more tests stays, of equals the first.
void add_seed(Variant& variant, const Result& result, std::vector<std::string>& remarks) {
  const auto same =
      std::find_if(variant.seeds.begin(), variant.seeds.end(), [&](const Result& r) { return r.seed == result.seed; });
  if (same == variant.seeds.end()) {
    variant.seeds.push_back(result);
    return;
  }
  const bool better = num_tests(*result.figures) > num_tests(*same->figures);
  const Result& kept = better ? result : *same;
  const Result& left_out = better ? *same : result;
  remarks.push_back(fmt::format("{} on {} with seed {} is there twice: {} counts, {} does not.", variant.system->label,
                                variant.dataset, result.seed, kept.run->name, left_out.run->name));
  if (better) *same = result;
}

void add_result(Study& study, const RunFolder& run, const SystemFigures& figures) {
  const std::string dataset = dataset_of(run, figures);
  if (dataset.empty())
    throw_input("{}: {}: neither settings nor prepare.json name the data set", (run.path / "evaluation.json").string(),
                figures.system->name);
  const Settings settings = relevant_settings(*figures.system, figures.settings);
  const auto same = std::find_if(study.variants.begin(), study.variants.end(), [&](const Variant& v) {
    return v.system == figures.system && v.dataset == dataset && v.settings == settings;
  });
  Variant& variant = same != study.variants.end() ? *same : study.variants.emplace_back();
  variant.system = figures.system;
  variant.dataset = dataset;
  variant.settings = settings;
  add_seed(variant, {&run, &figures, seed_of(run, figures)}, study.remarks);
}

void order_datasets(Study& study) {
  for (const Variant& variant : study.variants)
    if (std::find(study.datasets.begin(), study.datasets.end(), variant.dataset) == study.datasets.end())
      study.datasets.push_back(variant.dataset);
  std::sort(study.datasets.begin(), study.datasets.end(), [](const std::string& a, const std::string& b) {
    return std::pair(paper_place(a), a) < std::pair(paper_place(b), b);
  });
}

void order_variants(Study& study) {
  const auto place = [&](const Variant& v) {
    return std::tuple(paper_place(v.dataset), v.dataset, v.system, !v.is_base);  // systems lie in one array
  };
  std::stable_sort(study.variants.begin(), study.variants.end(),
                   [&](const Variant& a, const Variant& b) { return place(a) < place(b); });
}
}  // namespace

const SystemAnswers* Result::answers() const {
  const auto found = run->answers.find(figures->system->name);
  return found == run->answers.end() ? nullptr : &found->second;
}

const Variant* Study::base(const std::string& dataset, const std::string& system) const {
  for (const Variant& variant : variants)
    if (variant.is_base && variant.dataset == dataset && variant.system->name == system) return &variant;
  return nullptr;
}

std::vector<const Variant*> Study::sweep(const std::string& dataset, const std::string& system,
                                         const std::string& key) const {
  std::vector<const Variant*> found;
  for (const Variant& variant : variants)
    if (variant.dataset == dataset && variant.system->name == system && variant.settings.contains(key) &&
        (variant.is_base || variant.only_changes(key)))
      found.push_back(&variant);
  return found;
}

Study arrange(std::vector<RunFolder> runs) {
  Study study;
  study.runs = std::move(runs);
  for (const RunFolder& run : study.runs)
    for (const SystemFigures& figures : run.systems) add_result(study, run, figures);
  order_datasets(study);
  for (Variant& variant : study.variants) {
    std::sort(variant.seeds.begin(), variant.seeds.end(), seed_before);
    variant.pooled = pool(*variant.system, variant.seeds);
  }
  for (const std::string& dataset : study.datasets) {
    std::vector<Variant*> own;
    for (Variant& variant : study.variants)
      if (variant.dataset == dataset) own.push_back(&variant);
    select_bases(own, study.remarks);
  }
  order_variants(study);
  return study;
}

Study read_study(const std::vector<std::filesystem::path>& run_folders) {
  if (run_folders.empty()) throw_usage("report: no run folder was named");
  return arrange(read_run_folders(run_folders));
}

}  // namespace recpo::report
