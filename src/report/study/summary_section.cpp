#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "src/report/paper.hpp"
#include "src/report/study/pooling.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
std::string extent(const Study& study) {
  std::set<std::string> names, seeds;
  for (const Variant& variant : study.variants) {
    names.insert(variant.system->name);
    for (const Result& result : variant.seeds) seeds.insert(result.seed);
  }
  std::vector<std::string> labels;
  for (const System& system : systems())
    if (names.contains(system.name)) labels.emplace_back(system.label);
  return fmt::format("{} run folder{} on {}, with {} ({}), {}.", study.runs.size(), study.runs.size() == 1 ? "" : "s",
                     fmt::join(study.datasets, ", "),
                     labels.size() == 1 ? "one system" : fmt::format("{} systems", labels.size()),
                     fmt::join(labels, ", "), seeds.size() == 1 ? "one seed" : fmt::format("{} seeds", seeds.size()));
}

std::vector<const Variant*> ranking(const Study& study, const std::string& dataset) {
  std::vector<const Variant*> ranked;
  for (const Variant& variant : study.variants)
    if (variant.is_base && variant.dataset == dataset && hit_rate_of(&variant) &&
        variant.system->kind != SystemKind::kYardstick)
      ranked.push_back(&variant);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Variant* a, const Variant* b) { return *hit_rate_of(a) > *hit_rate_of(b); });
  return ranked;
}

std::string best_sentence(const Study& study, const std::string& dataset) {
  const std::vector<const Variant*> ranked = ranking(study, dataset);
  if (ranked.empty()) return "";
  const Estimate& best = ranked[0]->pooled.main->hit_rate;
  std::string text = fmt::format("On {}, {} has the highest HR@1, {} {}", dataset, ranked[0]->system->label,
                                 decimals(best.value), interval_text(best));
  if (ranked.size() > 1)
    text += fmt::format(", before {} with {}", ranked[1]->system->label, decimals(hit_rate_of(ranked[1])));
  if (const auto& chance = ranked[0]->pooled.main->chance)
    text += fmt::format("; a random candidate is right in {}", percent(*chance));
  if (const auto bound = hit_rate_of(study.base(dataset, "bayes")))
    text += fmt::format("; the best possible answer in {}", percent(*bound));
  if (const auto paper = published(*ranked[0]->system, dataset))
    text += fmt::format("; the paper has {:.4f} for {}", paper->hit_rate, ranked[0]->system->label);
  return text + ".";
}

// RecPO beside the best of the others, for which the paper claims 13.12 % to 30.21 %.
std::string gain_sentence(const Study& study, const std::string& dataset) {
  const Variant* recpo = study.base(dataset, "recpo");
  if (!hit_rate_of(recpo)) return "";
  const Variant* best = nullptr;
  std::optional<double> paper_best;
  for (const char* name : {"sft", "dpo", "simpo", "s-dpo"}) {
    const Variant* other = study.base(dataset, name);
    if (const auto paper = published(*find_system(name), dataset))
      paper_best = std::max(paper_best.value_or(0), paper->hit_rate);
    if (hit_rate_of(other) && (best == nullptr || *hit_rate_of(other) > *hit_rate_of(best))) best = other;
  }
  if (best == nullptr || *hit_rate_of(best) == 0) return "";
  const auto gain = [](double ours, double other) {
    const double ratio = ours / other - 1;
    return fmt::format("{} {}", percent(std::abs(ratio)), ratio < 0 ? "below" : "above");
  };
  std::string text = fmt::format("RecPO's HR@1 is {} that of the best other trained language model, {}",
                                 gain(*hit_rate_of(recpo), *hit_rate_of(best)), best->system->label);
  if (const auto paper = published(*find_system("recpo"), dataset); paper && paper_best)
    text += fmt::format(" (in the paper {})", gain(paper->hit_rate, *paper_best));
  return text + ".";
}

std::string verdict_sentence(const std::vector<Comparison>& comparisons, const std::string& dataset) {
  std::vector<std::string> better, worse, open;
  for (const Comparison& comparison : comparisons) {
    if (comparison.first->dataset != dataset || comparison.first->system->name != std::string_view("recpo")) continue;
    if (comparison.second->system->kind == SystemKind::kYardstick) continue;
    auto& names = !comparison.significant() ? open : comparison.test.difference > 0 ? better : worse;
    names.emplace_back(comparison.second->system->label);
  }
  std::vector<std::string> parts;
  if (!better.empty()) parts.push_back(fmt::format("significantly better than {}", fmt::join(better, ", ")));
  if (!worse.empty()) parts.push_back(fmt::format("significantly worse than {}", fmt::join(worse, ", ")));
  if (!open.empty()) parts.push_back(fmt::format("not shown to differ from {}", fmt::join(open, ", ")));
  return parts.empty() ? "" : fmt::format("Row by row, RecPO is {}.", fmt::join(parts, "; "));
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences)
    if (!sentence.empty()) text += (text.empty() ? "" : " ") + sentence;
  return text;
}
}  // namespace

void add_summary(const Study& study, const std::vector<Comparison>& comparisons, Document& document) {
  document.add(Heading{"Summary"});
  document.add(Paragraph{extent(study)});
  std::vector<std::string> lines;
  for (const std::string& dataset : study.datasets) {
    const std::string line =
        joined({best_sentence(study, dataset), gain_sentence(study, dataset), verdict_sentence(comparisons, dataset)});
    if (!line.empty()) lines.push_back(line);
  }
  document.add(Bullets{lines});
}

}  // namespace recpo::report
