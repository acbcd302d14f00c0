#include <algorithm>
#include <cstring>

#include "src/model/llama.hpp"
#include "src/support/log.hpp"
#include "src/train/samples.hpp"
#include "src/train/train.hpp"

namespace recpo::train {
namespace {
std::string to_bytes(const std::vector<double>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

std::vector<double> from_bytes(const std::string& bytes) {
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty())
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));  // a rank may have none
  return values;
}
}  // namespace

template <class T>
ReferenceLogps compute_reference(const data::RowFile& rows, const model::LlamaConfig& config,
                                 model::ParameterStore<T>& store, std::int64_t micro_batch_tokens,
                                 const parallel::ProcessGrid& grid, const Heartbeat& heartbeat) {
  const std::vector<Sample> samples = training_samples(rows, kAllNegatives).samples;
  std::vector<std::int64_t> tokens;
  std::size_t most_answers = 1;
  for (const Sample& sample : samples) {
    tokens.push_back(sample.tokens());
    most_answers = std::max(most_answers, sample.answers.size());
  }
  // Packed once for all ranks, then dealt out: a row's log-probs have the same bits for any number of ranks.
  const std::vector<std::size_t> begins = data::pack(tokens, micro_batch_tokens);
  model::LlamaCapacity capacity;
  std::size_t most_rows = 0;
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    std::int64_t sum = 0;
    for (std::size_t i = begins[b]; i < begins[b + 1]; ++i) sum += tokens[i];
    capacity.tokens = std::max(capacity.tokens, sum);
    most_rows = std::max(most_rows, begins[b + 1] - begins[b]);
  }
  capacity.completions = static_cast<std::int64_t>(most_rows * most_answers);
  model::Llama<T> llama(config, store, capacity, {*grid.tp, false});

  const auto ranks = static_cast<std::size_t>(grid.dp->size()), rank = static_cast<std::size_t>(grid.dp->rank());
  Progress bar("reference", static_cast<std::int64_t>(samples.size()), "sets");
  std::vector<double> mine;
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    bar.advance(static_cast<std::int64_t>(begins[b + 1] - begins[b]));
    if (b % ranks != rank) continue;
    heartbeat("reference log-probs");
    data::TreeBatch trees;
    for (std::size_t i = begins[b]; i < begins[b + 1]; ++i) {
      data::append_tree(trees, samples[i].row->prompt_ids, samples[i].answers);
    }
    const std::vector<double> logp = llama.forward(trees);
    mine.insert(mine.end(), logp.begin(), logp.end());
  }
  heartbeat("gathering reference log-probs");
  std::vector<std::vector<double>> parts;
  for (const std::string& bytes : grid.dp->all_gather(to_bytes(mine))) parts.push_back(from_bytes(bytes));

  ReferenceLogps result;
  std::vector<std::size_t> taken(ranks, 0);
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    const std::size_t owner = b % ranks;
    for (std::size_t i = begins[b]; i < begins[b + 1]; ++i) {
      const auto first = parts[owner].begin() + static_cast<std::ptrdiff_t>(taken[owner]);
      const auto count = static_cast<std::ptrdiff_t>(samples[i].answers.size());
      result[samples[i].row->id] = std::vector<double>(first, first + count);
      taken[owner] += samples[i].answers.size();
    }
  }
  return result;
}

#define RECPO_INSTANTIATE(T)                                                                                          \
  template ReferenceLogps compute_reference<T>(const data::RowFile&, const model::LlamaConfig&,                       \
                                               model::ParameterStore<T>&, std::int64_t, const parallel::ProcessGrid&, \
                                               const Heartbeat&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
