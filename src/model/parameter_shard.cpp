#include "src/model/parameter_shard.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::model {

ParameterShard::ParameterShard(const std::vector<Parameter>& parameters, const std::vector<Bucket>& buckets, int rank,
                               int ranks)
    : rank_(rank), ranks_(ranks) {
  RECPO_REQUIRE(0 <= rank && rank < ranks);
  for (const Bucket& bucket : buckets) {
    RECPO_REQUIRE(bucket.size() % chunks_of_bucket(ranks) == 0);
    const std::int64_t length = bucket.size() / ranks;
    slices_.push_back({rank * length, (rank + 1) * length, size_});
    size_ += length;
  }
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const Parameter& parameter = parameters[p];
    const auto b = static_cast<std::size_t>(parameter.bucket);
    const std::int64_t first = buckets[b].begin + slices_[b].begin, last = buckets[b].begin + slices_[b].end;
    const std::int64_t begin = std::max(parameter.offset, first);
    const std::int64_t end = std::min(parameter.offset + parameter.size(), last);
    if (begin >= end) continue;
    pieces_.push_back(
        {p, begin - parameter.offset, end - parameter.offset, begin, slices_[b].shard_offset + begin - first});
  }
}

}  // namespace recpo::model
