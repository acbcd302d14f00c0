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

bool share_a_test(const SystemFigures& a, const SystemFigures& b) {
  return (a.main && b.main) || (a.adherence && b.adherence) || (a.avoidance && b.avoidance) ||
         (!a.history.empty() && !b.history.empty());
}

bool seed_before(const Result& a, const Result& b) {  // as numbers, however long
  return std::pair(a.seed.size(), a.seed) < std::pair(b.seed.size(), b.seed);
}

bool same_figures(const std::optional<TestFigures>& a, const std::optional<TestFigures>& b) {
  return a.has_value() == b.has_value() && (!a || (a->rows == b->rows && a->valid == b->valid && a->hits == b->hits &&
                                                   a->hit_rate.value == b->hit_rate.value));
}

bool same_figures(const SystemFigures& a, const SystemFigures& b) {
  return same_figures(a.main, b.main) && same_figures(a.adherence, b.adherence) &&
         same_figures(a.avoidance, b.avoidance);
}

// A second answer of the same seed to the same test is no further evidence: the result with more tests stays, of equals
// the first. Equal figures need no remark: they are those of one model that several runs share.
void add_seed(Variant& variant, const Result& result, std::vector<std::string>& remarks) {
  const auto same = std::find_if(variant.seeds.begin(), variant.seeds.end(), [&](const Result& r) {
    return r.seed == result.seed && share_a_test(*r.figures, *result.figures);
  });
  if (same == variant.seeds.end()) {
    variant.seeds.push_back(result);
    return;
  }
  const bool better = num_tests(*result.figures) > num_tests(*same->figures);
  const Result& kept = better ? result : *same;
  const Result& left_out = better ? *same : result;
  if (!same_figures(*kept.figures, *left_out.figures))
    remarks.push_back(fmt::format("{} on {} with seed {} is there twice with other figures: {} counts, {} does not.",
                                  variant.system->label, variant.dataset, result.seed, kept.run->name,
                                  left_out.run->name));
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

bool Variant::only_changes(const std::vector<std::string>& keys) const {
  return !changed.empty() && std::all_of(changed.begin(), changed.end(), [&](const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  });
}

std::vector<const Variant*> Study::grid(const std::string& dataset, const std::string& system,
                                        const std::vector<std::string>& keys) const {
  std::vector<const Variant*> found;
  for (const Variant& variant : variants) {
    if (variant.dataset != dataset || variant.system->name != system) continue;
    const bool has_keys =
        std::all_of(keys.begin(), keys.end(), [&](const std::string& key) { return variant.settings.contains(key); });
    if (has_keys && (variant.is_base || variant.only_changes(keys))) found.push_back(&variant);
  }
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

std::optional<double> hit_rate_of(const Variant* variant) {
  return variant != nullptr && variant->pooled.main ? variant->pooled.main->hit_rate.value : std::nullopt;
}

}  // namespace recpo::report
