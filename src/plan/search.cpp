#include "src/plan/search.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "src/support/check.hpp"

namespace recpo::plan {
namespace {

using model::Recompute;

bool can_cut(const model::LlamaConfig& config, std::int64_t rows, int ranks, int tp) {
  if (ranks % tp != 0 || ranks / tp > rows) return false;
  try {
    model::check_tensor_parallel(config, tp);
  } catch (const Error&) {
    return false;
  }
  return true;
}

// Token numbers of micro-batches that differ, smallest first.
std::vector<std::int64_t> micro_batches(const Workload& workload, const Layout& layout, std::int64_t wanted) {
  std::set<std::int64_t> numbers{std::max(wanted, workload.longest)};
  for (std::int64_t tokens = workload.longest; tokens <= std::max(kMaxTokens, workload.longest); tokens *= 2)
    numbers.insert(tokens);
  std::vector<std::int64_t> result;
  std::int64_t largest = 0;
  for (const std::int64_t tokens : numbers) {
    Layout tried = layout;
    tried.micro_batch_tokens = tokens;
    const train::StepShape shape = workload.shape(tried);
    const std::int64_t held = train::llama_capacity(shape, train::plan_leaves(shape, layout.dp, 0)).tokens;
    if (held > largest || tokens == wanted) result.push_back(tokens);
    largest = std::max(largest, held);
  }
  return result;
}

// Layouts of one tp x dp and ZeRO level.
std::vector<Layout> variants(const Workload& workload, const Layout& wanted, int tp, int dp, int zero) {
  std::vector<Layout> all;
  Layout layout = wanted;
  layout.tp = tp, layout.dp = dp, layout.zero = zero;
  for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
    layout.recompute = recompute;
    for (const std::int64_t tokens : micro_batches(workload, layout, wanted.micro_batch_tokens)) {
      layout.micro_batch_tokens = tokens;
      all.push_back(layout);
    }
  }
  return all;
}

// The wanted precision, then lower ones.
std::vector<Precision> precisions(const Precision& wanted) {
  std::vector<Precision> all{wanted};
  Precision lower = wanted;
  if (!lower.lower_moments) {
    lower.lower_moments = true;
    lower.moment = 2;
    all.push_back(lower);
  }
  if (lower.storage == model::Precision::kBf16) {
    lower.lower_gradients = true;
    lower.gradient = 2;
    all.push_back(lower);
  }
  return all;
}

std::optional<Plan> fitting(const model::LlamaConfig& config, const Workload& workload, Layout layout,
                            const Node& node) {
  const auto fits = [&] {
    return static_cast<double>(rank_memory(config, workload, layout).total()) <= node.usable_memory();
  };
  if (!fits()) {
    if (layout.reduction_leaves == layout.dp) return std::nullopt;
    layout.reduction_leaves = layout.dp;
    if (!fits()) return std::nullopt;
  }
  return plan_layout(config, workload, layout, node);
}

template <class Visit>
void for_each_cut(const model::LlamaConfig& config, const Workload& workload, const Layout& wanted, const Node& node,
                  const Visit& visit) {
  for (int tp = 1; tp <= node.ranks; ++tp) {
    if (!can_cut(config, static_cast<std::int64_t>(workload.trees.size()), node.ranks, tp)) continue;
    const int dp = node.ranks / tp;
    for (int zero = 0; zero <= 2; ++zero) {
      if (dp == 1 && zero != wanted.zero) continue;  // nothing to shard
      visit(variants(workload, wanted, tp, dp, zero));
    }
  }
}

// See fitting_layouts(). `plans` are in the order of their times.
void put_choice_first(std::vector<Plan>& plans) {
  if (plans.empty()) return;
  const double limit = (1 + kEstimateError) * plans.front().seconds();
  const auto rank = [](const Plan& p) {
    return std::pair(p.layout.lower_precision(), p.sent.tp.total() + p.sent.dp.total());
  };
  const auto end = std::find_if(plans.begin(), plans.end(), [&](const Plan& p) { return p.seconds() > limit; });
  const auto choice =
      std::min_element(plans.begin(), end, [&](const Plan& a, const Plan& b) { return rank(a) < rank(b); });
  std::rotate(plans.begin(), choice, choice + 1);
}

}  // namespace

double Plan::fraction_of_peak(const Node& node) const { return flops / (seconds() * node.peak_flops * layout.ranks()); }

Plan plan_layout(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node) {
  model::check_tensor_parallel(config, layout.tp);
  Plan plan;
  plan.layout = layout;
  plan.memory = rank_memory(config, workload, layout);
  plan.sent = sent_bytes(config, workload, layout);
  plan.time = step_time(config, workload, layout, node);
  plan.flops = (1 + train::backward_passes(layout.lora.exists())) * workload.forward_flops();
  return plan;
}

std::vector<Plan> fitting_layouts(const model::LlamaConfig& config, const Workload& workload, const Layout& wanted,
                                  const Node& node) {
  std::vector<Plan> plans;
  for_each_cut(config, workload, wanted, node, [&](const std::vector<Layout>& layouts) {
    for (const Precision& precision : precisions(wanted.precision)) {
      bool found = false;
      for (Layout layout : layouts) {
        layout.precision = precision;
        if (const auto plan = fitting(config, workload, layout, node)) {
          plans.push_back(*plan);
          found = true;
        }
      }
      if (found) return;
    }
  });
  std::stable_sort(plans.begin(), plans.end(), [](const Plan& a, const Plan& b) {
    return std::pair(a.seconds(), a.memory.total()) < std::pair(b.seconds(), b.memory.total());
  });
  put_choice_first(plans);
  return plans;
}

std::optional<Plan> smallest_layout(const model::LlamaConfig& config, const Workload& workload, const Layout& wanted,
                                    const Node& node) {
  std::optional<Layout> smallest;
  std::int64_t least = 0;
  for_each_cut(config, workload, wanted, node, [&](const std::vector<Layout>& layouts) {
    for (Layout layout : layouts) {
      layout.reduction_leaves = layout.dp;
      const std::int64_t bytes = rank_memory(config, workload, layout).total();
      if (smallest && bytes >= least) continue;
      smallest = layout;
      least = bytes;
    }
  });
  if (!smallest) return std::nullopt;
  return plan_layout(config, workload, *smallest, node);
}

}  // namespace recpo::plan
