#include "src/model/parameter_layout.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, Role role, Split split,
                          TensorGradient gradient) {
  Parameter parameter{std::move(name), std::move(shape), role, split, gradient, bucket_};
  const std::int64_t rows = parameter.global_rows(), columns = parameter.global_columns();
  parameter.held_rows = split == Split::kRows ? (rows + shard_.size - 1) / shard_.size : rows;
  parameter.held_columns = split == Split::kColumns ? columns / shard_.size : columns;
  if (split == Split::kRows) parameter.row_begin = shard_.rank * parameter.held_rows;
  if (split == Split::kColumns) parameter.column_begin = shard_.rank * parameter.held_columns;
  parameter.valid_rows = std::clamp<std::int64_t>(rows - parameter.row_begin, 0, parameter.held_rows);
  parameters_.push_back(std::move(parameter));
}

StoreLayout::StoreLayout(std::vector<Parameter> all, GradientMemory gradients, int ranks)
    : parameters(std::move(all)), gradient_memory(gradients) {
  const std::int64_t multiple = kChunkAlignment * chunks_of_bucket(ranks);
  for (Parameter& parameter : parameters) {
    if (static_cast<std::size_t>(parameter.bucket) == buckets.size()) {
      size = round_up(size, multiple);
      if (!buckets.empty()) buckets.back().end = size;
      buckets.push_back({parameter.role, size, size, parameter.split == Split::kNone});
    }
    RECPO_REQUIRE((parameter.split == Split::kNone) == buckets.back().replicated);
    parameter.offset = size;
    size += parameter.size();
  }
  size = round_up(size, multiple);
  if (!buckets.empty()) buckets.back().end = size;

  std::int64_t slots[2] = {-1, -1}, layers = 0;
  for (const Bucket& bucket : buckets) {
    if (gradients == GradientMemory::kNone) break;
    const bool shares = gradients == GradientMemory::kTwoLayers && is_projection(bucket.role);
    if (shares && layers >= 2) {
      gradient_begin.push_back(slots[layers % 2]);
    } else {
      gradient_begin.push_back(gradient_size);
      gradient_size += bucket.size();
    }
    if (shares) slots[layers++ % 2] = gradient_begin.back();
  }
}

std::vector<StoreLayout::Range> StoreLayout::partial_gradients(std::size_t bucket, bool sequence_parallel) const {
  const auto is_partial = [&](const Parameter& parameter) {
    return parameter.gradient == TensorGradient::kPart ||
           (parameter.gradient == TensorGradient::kPartOfSplitTokens && sequence_parallel);
  };
  std::vector<Range> ranges;
  bool goes_on = false;  // the range before ends where this parameter begins
  for (const Parameter& parameter : parameters) {
    if (static_cast<std::size_t>(parameter.bucket) != bucket) continue;
    const std::int64_t begin = parameter.offset - buckets[bucket].begin;
    if (!goes_on && is_partial(parameter)) ranges.push_back({begin, begin});
    goes_on = is_partial(parameter);
    if (goes_on) ranges.back().end = begin + parameter.size();
  }
  if (goes_on) ranges.back().end = buckets[bucket].size();  // with the padding
  return ranges;
}

ParameterShard::ParameterShard(const StoreLayout& layout, int rank, int ranks) : rank_(rank), ranks_(ranks) {
  RECPO_REQUIRE(0 <= rank && rank < ranks);
  for (const Bucket& bucket : layout.buckets) {
    RECPO_REQUIRE(bucket.size() % chunks_of_bucket(ranks) == 0);
    const std::int64_t length = bucket.size() / ranks;
    buckets_.push_back({rank * length, (rank + 1) * length, size_});
    size_ += length;
  }
  for (std::size_t p = 0; p < layout.parameters.size(); ++p) {
    const Parameter& parameter = layout.parameters[p];
    const auto b = static_cast<std::size_t>(parameter.bucket);
    const std::int64_t bucket = layout.buckets[b].begin;
    const std::int64_t first = bucket + buckets_[b].begin, last = bucket + buckets_[b].end;
    const std::int64_t begin = std::max(parameter.offset, first);
    const std::int64_t end = std::min(parameter.offset + parameter.size(), last);
    if (begin >= end) continue;
    parts_.push_back(
        {p, begin - parameter.offset, end - parameter.offset, begin, buckets_[b].shard_offset + begin - first});
  }
}

}  // namespace recpo::model
