#include "src/report/study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::report {
namespace {
constexpr const char* kPublished = "inputs/paper/published.json";

bool share_a_test(const SystemMetrics& a, const SystemMetrics& b) {
  return std::ranges::any_of(a.tests, [&](const TestMetrics& test) {
    return std::ranges::any_of(b.tests, [&](const TestMetrics& other) { return other.test == test.test; });
  });
}

bool seed_before(const Result& a, const Result& b) {  // as numbers, however long
  return std::pair(a.seed.size(), a.seed) < std::pair(b.seed.size(), b.seed);
}

auto outcome(const TestMetrics& t) {
  return std::tuple(t.test, t.bucket, t.rows, t.valid, t.hits, t.metric(kHitRate).value);
}

// A second answer of the same seed to the same test is no further evidence: the result with more tests stays, of equals
// the first. Equal outcomes need no remark: they are those of one model that several runs share.
void add_seed(Variant& variant, const Result& result, std::vector<std::string>& remarks) {
  const auto same = std::ranges::find_if(variant.seeds, [&](const Result& r) {
    return r.seed == result.seed && share_a_test(*r.metrics, *result.metrics);
  });
  if (same == variant.seeds.end()) {
    variant.seeds.push_back(result);
    return;
  }
  const bool better = result.metrics->tests.size() > same->metrics->tests.size();
  const Result& kept = better ? result : *same;
  const Result& left_out = better ? *same : result;
  if (!std::ranges::equal(kept.metrics->tests, left_out.metrics->tests, {}, outcome, outcome))
    remarks.push_back(fmt::format("{} on {} with seed {} is there twice with other figures: {} counts, {} does not.",
                                  variant.system->label, variant.dataset, result.seed, kept.run->name,
                                  left_out.run->name));
  if (better) *same = result;
}

std::string seed_of(const RunFolder& run, const SystemMetrics& system) {  // "": unknown
  return text_of(system.settings, "run.seed", run.preparation ? run.preparation->seed : "");
}

void add_result(Study& study, const RunFolder& run, const SystemMetrics& metrics) {
  const std::string dataset = dataset_of(run, metrics);
  if (dataset.empty())
    throw_input("{}: {}: neither settings nor prepare.json name the data set", (run.path / "evaluation.json").string(),
                metrics.system);
  const System* system = study.find(metrics.system);
  const Settings settings = relevant_settings(*system, metrics.settings);
  const auto same = std::ranges::find_if(study.variants, [&](const Variant& v) {
    return v.system == system && v.dataset == dataset && v.settings == settings;
  });
  Variant& variant = same != study.variants.end() ? *same : study.variants.emplace_back();
  variant.system = system;
  variant.dataset = dataset;
  variant.settings = settings;
  add_seed(variant, {&run, &metrics, seed_of(run, metrics)}, study.remarks);
}

// Rows or preference sets that a stage sees; nullopt: its settings do not tell.
std::optional<double> rows_seen(const RunFolder& run, const Settings& settings, const std::string& stage) {
  const auto number = [&](const char* key) {
    const auto found = settings.find(stage + "." + key);
    return found == settings.end() ? std::nullopt : found->second.number;
  };
  const auto steps = number("steps"), batch = number("global_batch"), epochs = number("epochs");
  if (steps && batch && *steps > 0) return *steps * *batch;
  const auto is_train = [](const auto& entry) { return entry.first == "train"; };
  if (!epochs || !run.preparation) return std::nullopt;
  const auto train = std::ranges::find_if(run.preparation->rows, is_train);
  if (train == run.preparation->rows.end()) return std::nullopt;
  return *epochs * static_cast<double>(train->second);
}

constexpr std::string_view kBudgetKeys[] = {"sft.steps", "sft.epochs", "sft.global_batch"};

// All settings that SFT reads but its length.
Settings without_budget(const System& sft, const Settings& settings) {
  Settings others = relevant_settings(sft, settings);
  std::erase_if(others, [](const auto& entry) { return is_sft_budget(entry.first); });
  return others;
}

struct Budget {
  std::optional<double> sft, all;  // rows
  Settings own, others;
};

Budget budget_of(const System& sft, const RunFolder& run, const SystemMetrics& metrics) {
  Budget budget{rows_seen(run, metrics.settings, "sft"), {}, metrics.settings, without_budget(sft, metrics.settings)};
  const auto aligned = rows_seen(run, metrics.settings, "align");
  if (budget.sft && aligned) budget.all = *budget.sft + *aligned;
  return budget;
}

// Longer by its own key, which counts on top of the aligned run's SFT, or in rows.
bool is_longer(const Budget& sft, const Budget& aligned) {
  if (sft.others != aligned.others) return false;
  if (text_of(sft.own, "sft.longer") != "true") return sft.sft && sft.sft == aligned.all;
  return std::ranges::all_of(kBudgetKeys, [&](std::string_view key) {
    return text_of(sft.own, std::string(key)) == text_of(aligned.own, std::string(key));
  });
}

// An SFT run as long as SFT and alignment of an aligned run together, all else equal, becomes kSftLonger. One that an
// aligned model of the same folder started from stays what it is.
void name_longer_sft(std::vector<RunFolder>& runs) {
  std::set<std::string> names;
  for (const RunFolder& run : runs)
    for (const SystemMetrics& metrics : run.systems) names.insert(metrics.system);
  const std::vector<System> systems = describe_systems(names);
  const auto is_aligned = [&](const SystemMetrics& metrics) {
    return std::ranges::find(systems, metrics.system, &System::name)->role == Role::kAligned;
  };
  std::vector<Budget> budgets;
  const System sft = describe_systems({kSft}).front();
  for (const RunFolder& run : runs)
    for (const SystemMetrics& metrics : run.systems)
      if (is_aligned(metrics)) budgets.push_back(budget_of(sft, run, metrics));
  for (RunFolder& run : runs) {
    if (std::ranges::any_of(run.systems, is_aligned)) continue;
    const auto own = std::ranges::find(run.systems, kSft, &SystemMetrics::system);
    if (own == run.systems.end()) continue;
    const Budget budget = budget_of(sft, run, *own);
    if (std::ranges::none_of(budgets, [&](const Budget& aligned) { return is_longer(budget, aligned); })) continue;
    own->system = kSftLonger;
    if (auto answers = run.answers.extract(kSft)) {
      answers.key() = kSftLonger;
      run.answers.insert(std::move(answers));
    }
  }
}

std::vector<System> systems_of(const Study& study) {
  std::set<std::string> names, datasets;
  for (const RunFolder& run : study.runs)
    for (const SystemMetrics& metrics : run.systems) {
      names.insert(metrics.system);
      datasets.insert(dataset_of(run, metrics));
    }
  for (const auto& [dataset, systems] : study.paper.results)
    for (const auto& [system, metrics] : systems)
      if (datasets.contains(dataset)) names.insert(system);
  return describe_systems(names);
}

auto place_of(const Study& study, const std::string& dataset) {
  return std::pair(study.paper.place_of(dataset), dataset);
}

void order_datasets(Study& study) {
  std::set<std::string> names;
  for (const Variant& variant : study.variants) names.insert(variant.dataset);
  study.datasets.assign(names.begin(), names.end());
  std::ranges::sort(study.datasets, {}, [&](const std::string& dataset) { return place_of(study, dataset); });
}

void order_variants(Study& study) {
  std::ranges::stable_sort(study.variants, {}, [&](const Variant& v) {
    return std::tuple(place_of(study, v.dataset), v.system, !v.is_base);  // systems lie in one array
  });
}
}  // namespace

bool is_sft_budget(const std::string& key) {
  return key == "sft.longer" || std::ranges::find(kBudgetKeys, key) != std::end(kBudgetKeys);
}

const Answers* Result::answers(const std::string& test) const {
  const auto of_system = run->answers.find(metrics->system);
  if (of_system == run->answers.end()) return nullptr;
  const auto found = of_system->second.find(test);
  return found == of_system->second.end() ? nullptr : &found->second;
}

std::string dataset_of(const RunFolder& run, const SystemMetrics& system) {
  return dataset_of(system.settings, run.preparation ? run.preparation->dataset : run.default_dataset);
}

const System* Study::find(const std::string& name) const {
  const auto found = std::ranges::find(systems, name, &System::name);
  return found == systems.end() ? nullptr : &*found;
}

std::vector<const Variant*> Study::bases(const std::string& dataset) const {
  std::vector<const Variant*> bases;
  for (const Variant& variant : variants)
    if (variant.is_base && variant.dataset == dataset) bases.push_back(&variant);
  return bases;
}

const Variant* Study::base(const std::string& dataset, const std::string& system) const {
  for (const Variant* variant : bases(dataset))
    if (variant->system->name == system) return variant;
  return nullptr;
}

const Variant* Study::subject(const std::string& dataset) const {
  const Variant* furthest = nullptr;
  for (const Variant* variant : bases(dataset)) {
    if (variant->system->proposed) return variant;
    if (is_reference_point(variant->system->role)) continue;
    if (furthest == nullptr || variant->system->role > furthest->system->role) furthest = variant;
  }
  return furthest;
}

Study arrange(std::vector<RunFolder> runs, Published paper) {
  Study study;
  name_longer_sft(runs);
  study.runs = std::move(runs);
  study.paper = std::move(paper);
  if (study.paper.datasets.empty())
    study.remarks.push_back(fmt::format("Without the paper's numbers: {} was not found.", kPublished));
  study.systems = systems_of(study);
  for (const RunFolder& run : study.runs)
    for (const SystemMetrics& metrics : run.systems) add_result(study, run, metrics);
  for (Variant& variant : study.variants) {
    std::ranges::sort(variant.seeds, seed_before);
    variant.pooled = pool(variant.seeds);
  }
  order_datasets(study);
  select_bases(study);
  order_variants(study);
  return study;
}

Published read_paper() {
  const auto published = find_shipped(kPublished);
  return published ? read_published(*published) : Published{};
}

}  // namespace recpo::report
