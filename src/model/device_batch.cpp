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

void BatchUploader::send(const ExecSpace& exec, std::initializer_list<Part> parts) {
  std::vector<Uploader::Slice> slices;
  for (const auto& [values, view] : parts) slices.push_back(uploader_.stage(*values));
  uploader_.flush(exec);
  auto slice = slices.begin();
  for (const auto& [values, view] : parts) *view = uploader_.view<int>(*slice++);
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const data::TreeBatch& batch, const std::vector<int>& own_end,
                                  const std::vector<int>& cache_rows, bool with_groups) {
  const CompletionGroups completions = group_by_completion(batch);
  const TokenGroups groups = with_groups ? group_by_token(batch.tokens) : TokenGroups{};
  DeviceBatch result;
  send(exec, {{&batch.tokens, &result.tokens},
              {&batch.positions, &result.positions},
              {&batch.prefix_end, &result.mask.prefix_end},
              {&batch.own_begin, &result.mask.own_begin},
              {&own_end, &result.mask.own_end},
              {&cache_rows, &result.cache_rows},
              {&batch.logit_rows, &result.logit_rows},
              {&batch.target_begin, &result.target_begin},
              {&batch.target_token, &result.target_token},
              {&batch.target_completion, &result.target_completion},
              {&batch.dropout_key, &result.dropout_key},
              {&completions.begin, &result.completion_begin},
              {&completions.target, &result.by_completion},
              {&groups.token, &result.group_token},
              {&groups.begin, &result.group_begin},
              {&groups.order, &result.order}});
  result.num_tokens = batch.num_tokens();
  return result;
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const data::TreeBatch& batch, bool with_groups) {
  std::vector<int> own_end(batch.tokens.size());
  std::iota(own_end.begin(), own_end.end(), 1);
  DeviceBatch result = upload(exec, batch, own_end, {}, with_groups);
  for (const data::Tree& tree : batch.trees)
    result.spans.push_back({tree.token_begin, tree.token_end, tree.token_begin, tree.token_end});
  return result;
}

DeviceBatch BatchUploader::upload(const ExecSpace& exec, const Pass& pass) {
  DeviceBatch result = upload(exec, pass.batch, pass.own_end, pass.cache_rows, false);
  result.spans = pass.spans;
  return result;
}

}  // namespace recpo::model
