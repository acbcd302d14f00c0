#include "src/train/leaves.hpp"

#include <algorithm>
#include <bit>

#include "src/support/check.hpp"

namespace recpo::train {

LeafPlan plan_leaves(std::int64_t global_batch, std::int64_t wanted, int ranks, int rank,
                     std::int64_t rows_of_micro_batch) {
  if (ranks > global_batch) {
    throw_usage("global_batch = {} cannot be shared by {} data-parallel ranks: use at most {} ranks or a larger batch",
                global_batch, ranks, global_batch);
  }
  const auto largest = static_cast<std::uint64_t>(std::clamp<std::int64_t>(wanted, 1, global_batch));
  LeafPlan plan;
  plan.global_batch = global_batch;
  plan.ranks = ranks;
  plan.rank = rank;
  plan.count = static_cast<int>(std::bit_floor(largest));
  if (plan.count % ranks != 0) plan.count = ranks;
  if (rows_of_micro_batch > 0) {
    const std::int64_t rows_of_round = plan.count * rows_of_micro_batch;
    plan.rounds = static_cast<int>((global_batch + rows_of_round - 1) / rows_of_round);
    plan.leaves_at_once = true;
  }
  return plan;
}

}  // namespace recpo::train
