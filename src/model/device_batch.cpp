#include "src/model/device_batch.hpp"

#include <algorithm>
#include <numeric>

namespace recpo::model {
namespace {
struct TokenGroups {
  std::vector<int> token, begin{0}, order;
};

// Rows of the batch grouped by token id, rising within a group: a fixed order of summation.
TokenGroups group_by_token(const std::vector<int>& tokens) {
  TokenGroups groups;
  groups.order.resize(tokens.size());
  std::iota(groups.order.begin(), groups.order.end(), 0);
  std::stable_sort(groups.order.begin(), groups.order.end(), [&](int a, int b) {
    return tokens[static_cast<std::size_t>(a)] < tokens[static_cast<std::size_t>(b)];
  });
  for (std::size_t i = 0; i < groups.order.size(); ++i) {
    const int token = tokens[static_cast<std::size_t>(groups.order[i])];
    if (groups.token.empty() || groups.token.back() != token) {
      groups.token.push_back(token);
      groups.begin.push_back(static_cast<int>(i));
    }
    groups.begin.back() = static_cast<int>(i) + 1;
  }
  return groups;
}
}  // namespace

BatchUploader::Slice BatchUploader::stage(const std::vector<int>& values) {
  const Slice slice{staged_.size(), values.size()};
  staged_.insert(staged_.end(), values.begin(), values.end());
  return slice;
}

void BatchUploader::flush(const ExecSpace& exec) {
  if (memory_.extent(0) < staged_.size()) {
    memory_ = OwnedVector<int>(Kokkos::view_alloc("recpo::device_batch::integers", Kokkos::WithoutInitializing),
                               staged_.size() + staged_.size() / 2);
  }
  Kokkos::deep_copy(
      exec, Vector<int>(memory_.data(), staged_.size()),
      Kokkos::View<const int*, Kokkos::LayoutRight, HostSpace, Unmanaged>(staged_.data(), staged_.size()));
  exec.fence("recpo::device_batch::flush");
  staged_.clear();
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const data::TreeBatch& batch, bool with_groups) {
  std::vector<int> own_end(batch.tokens.size());
  std::iota(own_end.begin(), own_end.end(), 1);
  const Slice tokens = stage(batch.tokens), positions = stage(batch.positions), prefix_end = stage(batch.prefix_end),
              own_begin = stage(batch.own_begin), own_ends = stage(own_end), logit_rows = stage(batch.logit_rows),
              target_begin = stage(batch.target_begin), target_token = stage(batch.target_token),
              dropout_key = stage(batch.dropout_key);
  const TokenGroups groups = with_groups ? group_by_token(batch.tokens) : TokenGroups{};
  const Slice group_token = stage(groups.token), group_begin = stage(groups.begin), order = stage(groups.order);
  flush(exec);

  DeviceBatch result;
  result.num_tokens = batch.num_tokens();
  result.tokens = view(tokens);
  result.positions = view(positions);
  result.mask = {view(prefix_end), view(own_begin), view(own_ends)};
  for (const data::Tree& tree : batch.trees) {
    result.spans.push_back({tree.token_begin, tree.token_end, tree.token_begin, tree.token_end});
  }
  result.group_token = view(group_token);
  result.group_begin = view(group_begin);
  result.order = view(order);
  result.logit_rows = view(logit_rows);
  result.target_begin = view(target_begin);
  result.target_token = view(target_token);
  result.dropout_key = view(dropout_key);
  return result;
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const Pass& pass) {
  const Slice tokens = stage(pass.tokens), positions = stage(pass.positions), visible_end = stage(pass.visible_end),
              cache_rows = stage(pass.cache_rows), logit_rows = stage(pass.logit_rows);
  flush(exec);
  DeviceBatch result;
  result.num_tokens = static_cast<std::int64_t>(pass.tokens.size());
  result.tokens = view(tokens);
  result.positions = view(positions);
  result.mask = {view(visible_end), view(visible_end), view(visible_end)};  // no part of its own
  result.spans = pass.spans;
  result.logit_rows = view(logit_rows);
  result.cache_rows = view(cache_rows);
  return result;
}

}  // namespace recpo::model
