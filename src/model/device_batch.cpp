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
struct CompletionGroups {
  std::vector<int> begin, target;
};

// Targets grouped by completion, rising within a group: a fixed order of summation.
CompletionGroups group_by_completion(const data::TreeBatch& batch) {
  CompletionGroups groups;
  groups.begin.assign(batch.completion_length.size() + 1, 0);
  for (const int completion : batch.target_completion) ++groups.begin[static_cast<std::size_t>(completion) + 1];
  std::partial_sum(groups.begin.begin(), groups.begin.end(), groups.begin.begin());
  std::vector<int> next(groups.begin.begin(), groups.begin.end() - 1);
  groups.target.resize(batch.target_completion.size());
  for (std::size_t m = 0; m < batch.target_completion.size(); ++m) {
    const auto completion = static_cast<std::size_t>(batch.target_completion[m]);
    groups.target[static_cast<std::size_t>(next[completion]++)] = static_cast<int>(m);
  }
  return groups;
}
}  // namespace

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const data::TreeBatch& batch, bool with_groups) {
  std::vector<int> own_end(batch.tokens.size());
  std::iota(own_end.begin(), own_end.end(), 1);
  const auto stage = [&](const std::vector<int>& values) { return uploader_.stage(values); };
  const auto tokens = stage(batch.tokens), positions = stage(batch.positions), prefix_end = stage(batch.prefix_end),
             own_begin = stage(batch.own_begin), own_ends = stage(own_end), logit_rows = stage(batch.logit_rows),
             target_begin = stage(batch.target_begin), target_token = stage(batch.target_token),
             target_completion = stage(batch.target_completion), dropout_key = stage(batch.dropout_key);
  const CompletionGroups completions = group_by_completion(batch);
  const auto completion_begin = stage(completions.begin), by_completion = stage(completions.target);
  const TokenGroups groups = with_groups ? group_by_token(batch.tokens) : TokenGroups{};
  const auto group_token = stage(groups.token), group_begin = stage(groups.begin), order = stage(groups.order);
  uploader_.flush(exec);

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
  result.target_completion = view(target_completion);
  result.completion_begin = view(completion_begin);
  result.by_completion = view(by_completion);
  result.dropout_key = view(dropout_key);
  return result;
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const Pass& pass) {
  const auto stage = [&](const std::vector<int>& values) { return uploader_.stage(values); };
  const auto tokens = stage(pass.tokens), positions = stage(pass.positions), visible_end = stage(pass.visible_end),
             cache_rows = stage(pass.cache_rows), logit_rows = stage(pass.logit_rows);
  uploader_.flush(exec);
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
