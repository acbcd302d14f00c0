#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "src/report/sections.hpp"

namespace recpo::report {
namespace {
using Tone = Finding::Tone;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }
std::string percent(const Estimate& e) {
  if (!e.low || !e.high) return percent(*e.value);
  return fmt::format("{} [{:.1f}, {:.1f}]", percent(*e.value), 100 * *e.low, 100 * *e.high);
}

// HR@1 of candidates ranked by log-probs where the system has it, else of its answers.
const char* rank_metric(const Variant& variant) {
  return variant.pooled.metric(kMain, kRankedHitRate).value ? kRankedHitRate : kHitRate;
}

bool is_language_model(const Variant& variant) { return report::is_language_model(variant.system->role); }

Tone tone_of(Verdict verdict) {
  return verdict == Verdict::kBetter ? Tone::kGood : verdict == Verdict::kWorse ? Tone::kBad : Tone::kOpen;
}

std::int64_t rows_of(const Variant& variant) {
  const TestMetrics* main = variant.pooled.test(kMain);
  return main == nullptr ? 0 : main->rows;
}

Finding validity(const Study& study, const Variant& subject) {
  Finding finding{"Are the answers valid?"};
  const Estimate& share = subject.pooled.metric(kMain, kValidRatio);
  const std::string& name = subject.system->label;
  if (!is_language_model(subject)) {
    finding.answer = fmt::format("By construction: {} ranks the candidates and answers with one of them.", name);
  } else if (!share.value) {
    finding.answer = fmt::format("Not known: the evaluation of {} has no ValidRatio.", name);
  } else if (text_of(subject.settings, "evaluate.decode") == "candidates") {
    finding.answer = fmt::format("By construction: {} decodes candidates only (evaluate.decode).", name);
  } else {
    finding.tone = *share.value >= 0.95 ? Tone::kGood : *share.value >= 0.5 ? Tone::kOpen : Tone::kBad;
    const char* short_answer = *share.value >= 0.95 ? "Yes" : *share.value >= 0.5 ? "Partly" : "No";
    finding.answer = fmt::format("{}: {} of {}'s answers name a candidate", short_answer, percent(share), name);
    std::vector<std::string> others;
    for (const Variant* other : study.bases(subject.dataset))
      if (const auto& value = other->pooled.metric(kMain, kValidRatio).value;
          value && other != &subject && is_language_model(*other) && other->system->role < Role::kAligned)
        others.push_back(fmt::format("{} {}", other->system->label, percent(*value)));
    finding.answer += others.empty() ? "." : fmt::format(" ({}).", fmt::join(others, ", "));
  }
  return finding;
}

const Comparison* find_comparison(const std::vector<Comparison>& comparisons, const Variant& first,
                                  const Variant& second) {
  const Comparison* found = nullptr;  // ranked ones come last and count, where there are any
  for (const Comparison& c : comparisons)
    if (c.first == &first && c.second == &second) found = &c;
  return found;
}

std::optional<Verdict> against_chance(const Variant& subject) {
  const Estimate& rate = subject.pooled.metric(kMain, rank_metric(subject));
  const auto& chance = subject.pooled.metric(kMain, kChance).value;
  if (!rate.low || !rate.high || !chance) return std::nullopt;
  if (*rate.low > *chance) return Verdict::kBetter;
  return *rate.high < *chance ? Verdict::kWorse : Verdict::kNoDifferenceShown;
}

// "better than chance (5.0 %) and popularity (28.5 %); no difference shown from SASRec (33.9 %)"
struct Standing {
  std::map<Verdict, std::vector<std::string>> opponents;
  std::vector<std::string> missing, unfair;

  void add(Verdict verdict, const std::string& name, const std::optional<double>& rate) {
    opponents[verdict].push_back(rate ? fmt::format("{} ({})", name, percent(*rate)) : name);
  }
  std::string text() const {
    constexpr const char* kBegins[] = {"better than ", "no difference shown from ", "worse than "};
    std::vector<std::string> parts;
    for (const auto& [verdict, names] : opponents)
      parts.push_back(kBegins[static_cast<std::size_t>(verdict)] + fmt::format("{}", fmt::join(names, ", ")));
    if (!unfair.empty()) parts.push_back(fmt::format("not tested against {}", fmt::join(unfair, ", ")));
    if (!missing.empty()) parts.push_back(fmt::format("not run: {} (recpo baseline)", fmt::join(missing, ", ")));
    return fmt::format("{}", fmt::join(parts, "; "));
  }
  Tone tone() const {
    if (opponents.contains(Verdict::kWorse)) return Tone::kBad;
    const bool all = opponents.contains(Verdict::kBetter) && opponents.size() == 1 && missing.empty() && unfair.empty();
    return all ? Tone::kGood : Tone::kOpen;
  }
};

void add_opponent(const Study& study, const std::vector<Comparison>& comparisons, const Variant& subject,
                  const std::string& name, Standing& standing) {
  const Variant* other = study.base(subject.dataset, name);
  const Comparison* comparison = other == nullptr ? nullptr : find_comparison(comparisons, subject, *other);
  if (comparison == nullptr) {
    standing.missing.push_back(describe_systems({name}).front().label);
  } else if (!comparison->is_fair()) {
    standing.unfair.push_back(
        fmt::format("{}: other {}", other->system->label, fmt::join(comparison->differing, ", ")));
  } else {
    standing.add(verdict_of(*comparison), other->system->label, other->pooled.metric(kMain, comparison->metric).value);
  }
}

Finding ranking(const Study& study, const std::vector<Comparison>& comparisons, const Variant& subject) {
  Finding finding{"Does it rank better than chance, popularity and SASRec?"};
  const char* metric = rank_metric(subject);
  const Estimate& rate = subject.pooled.metric(kMain, metric);
  if (!rate.value) {
    finding.answer = fmt::format("Not known: the evaluation of {} has no HR@1.", subject.system->label);
    return finding;
  }
  Standing standing;
  if (const auto verdict = against_chance(subject))
    standing.add(*verdict, "chance", subject.pooled.metric(kMain, kChance).value);
  for (const char* name : {"popularity", "sasrec"})
    if (subject.system->name != name) add_opponent(study, comparisons, subject, name, standing);
  finding.tone = standing.tone();
  finding.answer = fmt::format("{} {} in {} of {} rows: {}.", subject.system->label,
                               metric == kRankedHitRate ? "ranks the right title first" : "names the right title",
                               percent(rate), rows_of(subject), standing.text());
  return finding;
}

Finding alignment(const Study& study, const std::vector<Comparison>& comparisons, const Variant& subject) {
  Finding finding{"Does alignment add anything to as much more SFT?"};
  if (subject.system->role != Role::kAligned) {
    finding.answer = "This table cannot answer it: no aligned model is in it.";
    return finding;
  }
  const Variant* longer = study.base(subject.dataset, kSftLonger);
  const Comparison* c = longer == nullptr ? nullptr : find_comparison(comparisons, subject, *longer);
  if (c == nullptr) {
    finding.answer = fmt::format(
        "This table cannot answer it: no SFT run with the budget of SFT and alignment together; a sweep with the part "
        "sft_longer of inputs/systems.toml can, such as {}.",
        kDeckWithLongerSft);
    return finding;
  }
  if (!c->is_fair()) {
    finding.answer = fmt::format("This table cannot answer it: {} and SFT with the same budget differ in {}.",
                                 subject.system->label, fmt::join(c->differing, ", "));
    return finding;
  }
  const Verdict verdict = verdict_of(*c);
  const std::string interval =
      !c->interval ? "" : fmt::format(" [{:+.1f}, {:+.1f}]", 100 * c->interval->low, 100 * c->interval->high);
  finding.tone = tone_of(verdict);
  finding.answer = fmt::format("{}: {} against SFT with the same budget in all, {:+.1f} points of {}{}, p {}.",
                               verdict == Verdict::kBetter  ? "Yes"
                               : verdict == Verdict::kWorse ? "No, it is worse"
                                                            : "No difference shown",
                               subject.system->label, 100 * c->difference, describe_metric(c->metric).label, interval,
                               c->adjusted < 1e-4 ? "below 0.0001" : fmt::format("= {:.2g}", c->adjusted));
  return finding;
}

std::string model_text(const Variant& subject) {
  const std::string path = text_of(subject.settings, "model.path"), size = text_of(subject.settings, "model.size");
  if (!is_language_model(subject) || (path.empty() && size.empty())) return "";
  if (!path.empty()) return fmt::format("; one language model, {}", path);
  return fmt::format("; a {} model from random weights, which says little about pretrained ones", size);
}

Finding limits(const Variant& subject) {
  Finding finding{"What can this not show?"};
  const Estimate& rate = subject.pooled.metric(kMain, rank_metric(subject));
  std::vector<std::string> seeds;
  for (const Result& result : subject.seeds)
    if (std::ranges::find(seeds, result.seed) == seeds.end()) seeds.push_back(result.seed);
  finding.answer = fmt::format("{} rows, {}", rows_of(subject),
                               seeds.size() == 1 ? std::string("one seed: the spread over trainings is not known")
                                                 : fmt::format("{} seeds", seeds.size()));
  if (rate.low && rate.high)
    finding.answer += fmt::format("; the interval is {:.1f} points wide, so smaller differences stay hidden",
                                  100 * (*rate.high - *rate.low));
  finding.answer += model_text(subject);
  if (const auto& chance = subject.pooled.metric(kMain, kChance).value)
    finding.answer += fmt::format("; chance alone gives {}", percent(*chance));
  finding.answer += ".";
  return finding;
}
}  // namespace

void add_verdicts(const Study& study, const std::vector<Comparison>& comparisons, Document& document) {
  for (const std::string& dataset : study.datasets) {
    const Variant* subject = study.subject(dataset);
    if (subject == nullptr) continue;
    document.add(Findings{study.datasets.size() > 1 ? dataset : "",
                          {validity(study, *subject), ranking(study, comparisons, *subject),
                           alignment(study, comparisons, *subject), limits(*subject)}});
  }
}

}  // namespace recpo::report
