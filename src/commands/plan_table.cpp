#include "src/commands/plan_table.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"

namespace recpo::commands {
namespace {

using plan::Layout;
using plan::Plan;

constexpr std::size_t kRows = 10;

std::string layout_name(const Layout& l) { return fmt::format("tp {} x dp {}, ZeRO {}", l.tp, l.dp, l.zero); }

std::string lower_precision(const plan::Precision& precision) {
  if (precision.lower_gradients) return "moments and gradients bf16";
  return precision.lower_moments ? "moments bf16" : "";
}

// Of layouts that differ only in the micro-batch the table lists the fastest.
auto family(const Layout& l) { return std::tuple(l.tp, l.zero, l.recompute); }
bool same(const Layout& a, const Layout& b) {
  return family(a) == family(b) && a.micro_batch_tokens == b.micro_batch_tokens;
}

std::string notes(const Layout& layout, const Layout& wanted) {
  std::string text = lower_precision(layout.precision);
  if (layout.reduction_leaves != wanted.reduction_leaves)
    text += fmt::format("{}reduction_leaves {}", text.empty() ? "" : ", ", layout.reduction_leaves);
  return text;
}

// Seconds, or milliseconds where the fastest step takes less than one.
struct Unit {
  double scale;
  const char* name;
};
Unit unit_of(const Plan& fastest) { return fastest.seconds() < 1 ? Unit{1e3, "ms"} : Unit{1, "s"}; }

std::string head(const Unit& unit, const std::string& samples) {
  return fmt::format(
             "  {:>3} {:>3} {:>4}  {:<9} {:>11} {:>7} {:>13} {:>13}   {:>7} = {:>7} + {:>5} + {:>5} + {:>9} {:>9} "
             "{:>7} {:>5}\n",
             "tp", "dp", "zero", "recompute", "micro-batch", "memory", "comm_bytes_tp", "comm_bytes_dp", "step",
             "compute", "tp", "dp", "optimizer", "tokens/s", samples + "/s", "peak") +
         fmt::format("  {:>34} {:>7} {:>13} {:>13}   {:>7}   {:>7}   {:>5}   {:>5}   {:>9}\n", "tokens", "GiB", "GB",
                     "GB", unit.name, unit.name, unit.name, unit.name, unit.name);
}

std::string line(const Plan& plan, const plan::Workload& workload, const Layout& wanted, const plan::Node& node,
                 const Unit& unit, bool own) {
  const Layout& l = plan.layout;
  const plan::StepTime& t = plan.time;
  std::string text = fmt::format(
      "{:<2}{:>3} {:>3} {:>4}  {:<9} {:>11} {:>#7.3g} {:>13.3g} {:>13.3g}   {:>7.2f}   {:>7.2f}   {:>5.2f}   {:>5.2f}  "
      " "
      "{:>9.2f} {:>9.0f} {:>7.3g} {:>3.0f} %",
      own ? "*" : "", l.tp, l.dp, l.zero, name_of(l.recompute), l.micro_batch_tokens,
      static_cast<double>(plan.memory.total()) / kGibi, static_cast<double>(plan.sent.tp.total()) / kGiga,
      static_cast<double>(plan.sent.dp.total()) / kGiga, unit.scale * t.total(), unit.scale * t.compute,
      unit.scale * t.tensor, unit.scale * t.data, unit.scale * t.optimizer,
      static_cast<double>(workload.tokens()) / t.total(), static_cast<double>(workload.trees.size()) / t.total(),
      100 * plan.fraction_of_peak(node));
  if (const std::string more = notes(l, wanted); !more.empty()) text += "  " + more;
  return text + "\n";
}

// The parts of a step that make b slower than a, largest first.
std::string reason(const plan::StepTime& a, const plan::StepTime& b, const Unit& unit) {
  std::vector<std::pair<double, const char*>> parts = {{b.compute - a.compute, "compute"},
                                                       {b.tensor - a.tensor, "exposed tp communication"},
                                                       {b.data - a.data, "exposed dp communication"},
                                                       {b.optimizer - a.optimizer, "optimizer"}};
  std::sort(parts.begin(), parts.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  std::string text;
  for (const auto& [seconds, part] : parts) {
    if (std::abs(seconds) < 0.05 * a.total() && !text.empty()) continue;
    text += fmt::format("{}{} {:+.2f} {}", text.empty() ? "" : ", ", part, unit.scale * seconds, unit.name);
  }
  return text;
}

// " with moments bf16", or nothing in full precision.
std::string in_precision(const Layout& layout) {
  const std::string lower = lower_precision(layout.precision);
  return lower.empty() ? "" : " with " + lower;
}

// The choice, what it costs, and what others cost more.
std::string choice_text(const std::vector<Plan>& plans, const model::LlamaConfig& config,
                        const plan::Workload& workload, const plan::Node& node) {
  const Plan& best = plans.front();
  const Layout& chosen = best.layout;
  const Unit unit = unit_of(best);
  const auto time = [&](double seconds) { return fmt::format("{:.2f} {}", unit.scale * seconds, unit.name); };
  std::string text =
      fmt::format("choice: {}{}, recompute {}, micro-batches of {} tokens: {} a step.\n", layout_name(chosen),
                  in_precision(chosen), name_of(chosen.recompute), chosen.micro_batch_tokens, time(best.seconds()));
  if (chosen.tp > 1) {
    text += fmt::format("  tp {} costs {} of communication a step", chosen.tp, time(best.time.tensor));
    if (node.all_to_all || node.bridge_ranks > 1) {
      const plan::StepTime without = plan::step_time(config, workload, chosen, node.without_bridges());
      text += fmt::format("; without {} it would cost {} more", node.all_to_all ? "the switch" : "bridges",
                          time(without.total() - best.seconds()));
    }
    text += ".\n";
  }
  const auto other = [&](const auto& differs, const char* what) {
    const auto found = std::find_if(plans.begin(), plans.end(), [&](const Plan& p) { return differs(p.layout); });
    if (found == plans.end()) return;
    const double more = found->seconds() - best.seconds();
    const auto sent = [](const Plan& p) { return static_cast<double>(p.sent.tp.total() + p.sent.dp.total()); };
    const double more_sent = sent(*found) - sent(best);
    const std::string dearer = more_sent > 0 ? fmt::format("{} more sent by a rank", format_bytes(more_sent))
                                             : std::string("by lower precision");  // the choice lowers none
    const std::string why = more < 0 ? dearer : reason(best.time, found->time, unit);
    text += fmt::format("  {}, {}{}, takes {} {}: {}.\n", what, layout_name(found->layout), in_precision(found->layout),
                        time(std::abs(more)), more < 0 ? "less" : "more", why);
  };
  other([&](const Layout& l) { return l.tp != chosen.tp; }, "the best of another tp");
  other([&](const Layout& l) { return l.tp == chosen.tp && l.zero != chosen.zero; }, "the best of another ZeRO level");
  if (chosen.lower_precision()) {
    other([&](const Layout& l) { return !l.lower_precision(); }, "the best in full precision");
  }
  return text + fmt::format(
                    "  Estimates: layouts within {:.0f} % of the fastest are to be measured; of them the choice is the "
                    "one that "
                    "sends least.\n",
                    100 * plan::kEstimateError);
}

// Nothing fits: the least that is needed, and how many such ranks would do.
std::string unfit_text(const model::LlamaConfig& config, const plan::Workload& workload, const Layout& wanted,
                       const plan::Node& node) {
  const auto least = plan::smallest_layout(config, workload, wanted, node);
  if (!least) return "no layout: no tp divides the model, or the global batch is smaller than the ranks\n";
  const plan::Memory& memory = least->memory;
  std::string text = fmt::format(
      "nothing fits {:.1f} GiB a rank, not even in lower precision. The least in full precision is {:.1f} GiB: {}, "
      "recompute {}, micro-batches of {} tokens, {:.1f} GiB of it states and {:.1f} GiB activations.\n",
      node.usable_memory() / kGibi, static_cast<double>(memory.total()) / kGibi, layout_name(least->layout),
      name_of(least->layout.recompute), least->layout.micro_batch_tokens,
      static_cast<double>(memory.total() - memory.activations) / kGibi,
      static_cast<double>(memory.activations) / kGibi);
  constexpr int kMaxTimes = 16;
  for (int times = 2; times <= kMaxTimes; times *= 2) {
    plan::Node larger = node;
    larger.ranks *= times;
    const std::vector<Plan> plans = plan::fitting_layouts(config, workload, wanted, larger);
    if (plans.empty()) continue;
    const Layout& layout = plans.front().layout;
    return text +
           fmt::format("  {} such ranks would do: {}{}.\n", larger.ranks, layout_name(layout), in_precision(layout));
  }
  return text + fmt::format(
                    "  {} such ranks would not do either: more memory a rank, a smaller model or shorter "
                    "trees (longest: {} tokens) would.\n",
                    kMaxTimes * node.ranks, workload.longest);
}

// Why the deck's own layout is not in the table.
std::string own_text(const model::LlamaConfig& config, const plan::Workload& workload, const Layout& own,
                     const plan::Node& node) {
  if (own.ranks() != node.ranks)
    return fmt::format("the deck's own parallel.tp does not divide the node's {} ranks\n", node.ranks);
  try {
    const plan::Memory memory = plan::rank_memory(config, workload, own);
    return fmt::format("the deck's own ({}, recompute {}, micro-batches of {} tokens) needs {:.1f} of {:.1f} GiB\n",
                       layout_name(own), name_of(own.recompute), own.micro_batch_tokens,
                       static_cast<double>(memory.total()) / kGibi, node.usable_memory() / kGibi);
  } catch (const Error& error) {
    return fmt::format("the deck's own is not possible: {}\n", error.what());
  }
}

}  // namespace

std::string layouts_text(const model::LlamaConfig& config, const plan::Workload& workload, const Layout& deck_layout,
                         const plan::Node& node, const std::string& samples) {
  Layout wanted = deck_layout;
  wanted.micro_batch_tokens = std::max(wanted.micro_batch_tokens, workload.longest);
  const std::vector<Plan> plans = plan::fitting_layouts(config, workload, wanted, node);
  if (plans.empty()) return unfit_text(config, workload, wanted, node);
  const Unit unit = unit_of(plans.front());
  std::string text = head(unit, samples);
  std::vector<Layout> shown;
  const auto is_shown = [&](const Layout& l) {
    return std::any_of(shown.begin(), shown.end(), [&](const Layout& s) { return family(s) == family(l); });
  };
  bool found_own = false;
  for (const Plan& plan : plans) {
    const bool own = same(plan.layout, wanted);
    if (!own && (is_shown(plan.layout) || shown.size() >= kRows)) continue;
    shown.push_back(plan.layout);
    found_own |= own;
    text += line(plan, workload, wanted, node, unit, own);
  }
  text += found_own ? "* the deck's own\n" : "";
  if (!found_own) text += own_text(config, workload, wanted, node);
  if (std::any_of(shown.begin(), shown.end(), [](const Layout& l) { return l.precision.lower_gradients; }))
    text += "  Gradients in bf16 are planned for comparison: this version keeps them in fp32.\n";
  return text + choice_text(plans, config, workload, node);
}

}  // namespace recpo::commands
