#include "src/model/generate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace recpo::model {
namespace {
constexpr std::int64_t kPassTokens = 2048;  // tokens of one pass over prompts; a longer one goes alone

// Rows of the pass from `begin` on become cache rows, `shift` behind.
void place_in_cache(BatchUploader::Pass& pass, std::int64_t begin, std::int64_t shift) {
  const auto move = static_cast<int>(shift);
  for (auto row = static_cast<std::size_t>(begin); row < pass.batch.tokens.size(); ++row) {
    pass.batch.prefix_end[row] += move;
    pass.batch.own_begin[row] += move;
    pass.cache_rows.push_back(static_cast<int>(row) + move);
    pass.own_end.push_back(static_cast<int>(row) + move + 1);
  }
  const std::int64_t end = pass.batch.num_tokens();
  pass.spans.push_back({begin, end, begin + shift, end + shift});
}

// A tree whose cache rows begin at `cache_begin`.
void append_tree(BatchUploader::Pass& pass, std::int64_t cache_begin, std::span<const std::int32_t> prompt,
                 std::span<const std::span<const std::int32_t>> candidates) {
  const std::int64_t begin = pass.batch.num_tokens();
  data::append_tree(pass.batch, prompt, candidates);
  if (candidates.empty()) pass.batch.logit_rows.push_back(static_cast<int>(pass.batch.num_tokens() - 1));
  place_in_cache(pass, begin, cache_begin - begin);
}

// The generated tokens that are not cached yet; the last one predicts.
void append_generated(BatchUploader::Pass& pass, GeneratedSequence& sequence) {
  const std::int64_t begin = pass.batch.num_tokens();
  const auto length = static_cast<std::int64_t>(sequence.generated.size());
  for (; sequence.cached < length; ++sequence.cached) {
    const std::int64_t row = sequence.own_begin + sequence.cached;
    pass.batch.tokens.push_back(sequence.generated[static_cast<std::size_t>(sequence.cached)]);
    pass.batch.positions.push_back(static_cast<int>(sequence.prompt_length + sequence.cached));
    pass.batch.prefix_end.push_back(static_cast<int>(sequence.cache_begin + sequence.prompt_length));
    pass.batch.own_begin.push_back(static_cast<int>(sequence.own_begin));
    pass.own_end.push_back(static_cast<int>(row + 1));
    pass.cache_rows.push_back(static_cast<int>(row));
  }
  const std::int64_t end = pass.batch.num_tokens();
  pass.batch.logit_rows.push_back(static_cast<int>(end - 1));
  pass.spans.push_back({begin, end, sequence.cache_begin, sequence.own_begin + length});
}

// Consecutive sequences that are worked on together, and what their cache needs.
struct Batches {
  std::vector<std::size_t> begins;
  std::int64_t most_sequences = 1, longest = 0;
};

Batches make_batches(const std::vector<std::int64_t>& rows, std::int64_t batch_tokens) {
  Batches batches{data::pack(rows, batch_tokens)};
  for (std::size_t b = 0; b + 1 < batches.begins.size(); ++b)
    batches.most_sequences =
        std::max(batches.most_sequences, static_cast<std::int64_t>(batches.begins[b + 1] - batches.begins[b]));
  for (const std::int64_t length : rows) batches.longest = std::max(batches.longest, length);
  return batches;
}

}  // namespace

template <class T>
Generator<T>::Generator(const LlamaConfig& config, ParameterStore<T>& store, std::int64_t batch_tokens,
                        const TensorParallel& tensor)
    : config_(config), store_(store), batch_tokens_(batch_tokens), tensor_(tensor) {
  tensor_.sequence = false;  // one token a pass is nothing to split
}

template <class T>
void Generator<T>::reserve(const DecoderCapacity& needed, std::int64_t rows) {
  constexpr std::array kSizes{&DecoderCapacity::tokens, &DecoderCapacity::positions, &DecoderCapacity::logit_rows,
                              &DecoderCapacity::targets, &DecoderCapacity::completions};
  const auto is_enough = [&](auto size) { return decoder_->capacity().*size >= needed.*size; };
  if (!decoder_ || !std::ranges::all_of(kSizes, is_enough)) {
    DecoderCapacity capacity = needed;
    if (decoder_)
      for (const auto size : kSizes) capacity.*size = std::max(needed.*size, decoder_->capacity().*size);
    decoder_.reset();  // the old activations go before the new ones come
    decoder_ = std::make_unique<Decoder<T>>(config_, store_, capacity, tensor_);
  }
  if (!caches_.empty() && static_cast<std::int64_t>(caches_.front().key.extent(0)) >= rows) return;
  caches_.clear();
  memory_.clear();
  for (std::int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    for (const std::string label : {"recpo::generate::key_cache", "recpo::generate::value_cache"}) {
      memory_.emplace_back(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), rows,
                           decoder_->config().key_value_width());
    }
    caches_.push_back({memory_[memory_.size() - 2], memory_[memory_.size() - 1]});
  }
}

// Logits are sums of H products of numbers that went through L blocks: two orders of summation differ by about
// eps sqrt(H L) of them, and what is stored in less precision between the sums by eps sqrt(2 L) of that.
template <class T>
bool Generator<T>::is_close(const Choice& choice) const {
  const auto layers = static_cast<double>(config_.num_hidden_layers), width = static_cast<double>(config_.hidden_size);
  const double sums = std::numeric_limits<Accumulate<T>>::epsilon() * std::sqrt(width * layers);
  const double stored = std::is_same_v<T, Accumulate<T>> ? 0 : std::ldexp(std::sqrt(2 * layers), -8);
  return !(choice.logit - choice.runner_up > (sums + stored) * std::max(1.0, std::abs(choice.logit)));
}

template <class T>
void Generator<T>::accept(GeneratedSequence& sequence, const Choice& choice, const Ending& ending) const {
  if (sequence.max_new_tokens > 0) sequence.generated.push_back(choice.token);
  sequence.is_certain = sequence.is_certain && !is_close(choice);
  sequence.is_done = static_cast<std::int64_t>(sequence.generated.size()) >= sequence.max_new_tokens ||
                     choice.token == ending.end_id ||
                     (ending.stop && ending.stop(sequence.request, sequence.generated));
  if (sequence.is_done && ending.on_done) ending.on_done();
}

template <class T>
std::vector<Choice> Generator<T>::greedy(const BatchUploader::Pass& pass) {
  const DeviceBatch batch = uploader_.upload(exec_, pass);
  const Matrix<T> output = decoder_->forward(exec_, batch, caches_, nullptr);
  std::vector<Choice> choices = decoder_->head().greedy(exec_, decoder_->weights(), batch, output);
  uploader_.recycle();
  return choices;
}

template <class T>
void Generator<T>::prefill(std::span<const GenerateRequest> requests, std::vector<GeneratedSequence>& batch,
                           const Ending& ending) {
  BatchUploader::Pass pass;
  std::size_t first = 0;  // sequence of the pass
  const auto flush = [&](std::size_t end) {
    if (pass.spans.empty()) return;
    const std::vector<Choice> choices = greedy(pass);
    for (std::size_t i = first; i < end; ++i) accept(batch[i], choices[i - first], ending);
    pass = {};
    first = end;
  };
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::vector<std::int32_t>& prompt = requests[batch[i].request].prompt;
    if (pass.batch.tokens.size() + prompt.size() > static_cast<std::size_t>(kPassTokens)) flush(i);
    append_tree(pass, batch[i].cache_begin, prompt, {});
  }
  flush(batch.size());
}

template <class T>
void Generator<T>::decode(std::vector<GeneratedSequence>& batch, const Ending& ending) {
  for (;;) {
    BatchUploader::Pass pass;
    std::vector<GeneratedSequence*> active;
    for (GeneratedSequence& sequence : batch) {
      if (sequence.is_done) continue;
      append_generated(pass, sequence);
      active.push_back(&sequence);
    }
    if (active.empty()) return;
    const std::vector<Choice> choices = greedy(pass);
    for (std::size_t a = 0; a < active.size(); ++a) accept(*active[a], choices[a], ending);
  }
}

template <class T>
std::vector<std::vector<std::int32_t>> Generator<T>::generate(std::span<const GenerateRequest> requests,
                                                              const Ending& ending) {
  std::vector<std::int64_t> rows;
  std::int64_t longest_prompt = 0;
  for (const GenerateRequest& request : requests) {
    RECPO_REQUIRE(!request.prompt.empty());
    const auto prompt = static_cast<std::int64_t>(request.prompt.size());
    rows.push_back(prompt + request.max_new_tokens);
    longest_prompt = std::max(longest_prompt, prompt);
  }
  const Batches batches = make_batches(rows, batch_tokens_);
  DecoderCapacity capacity;
  capacity.tokens = std::max({kPassTokens, longest_prompt, batches.most_sequences});
  capacity.positions = batches.longest;
  capacity.logit_rows = batches.most_sequences;
  reserve(capacity, std::max(batch_tokens_, batches.longest));

  std::vector<std::vector<std::int32_t>> results(requests.size());
  for (std::size_t b = 0; b + 1 < batches.begins.size(); ++b) {
    std::vector<GeneratedSequence> batch;
    std::int64_t cache_begin = 0;
    for (std::size_t r = batches.begins[b]; r < batches.begins[b + 1]; ++r) {
      const auto prompt = static_cast<std::int64_t>(requests[r].prompt.size());
      batch.push_back({r, requests[r].max_new_tokens, cache_begin, prompt, cache_begin + prompt, {}});
      cache_begin += rows[r];
    }
    prefill(requests, batch, ending);
    decode(batch, ending);
    for (GeneratedSequence& sequence : batch) results[sequence.request] = std::move(sequence.generated);
  }
  return results;
}

template <class T>
void Generator<T>::walk(const TreeRequest& request, const data::TreeBatch& batch, std::size_t tree,
                        const TreeOutput& output, Choices choices, GeneratedSequence& sequence,
                        const Ending& ending) const {
  // Logit rows of a tree: the prompt's last token, then each candidate's tokens but the last. A target is what its
  // row's candidate goes on with.
  const auto prompt_row = static_cast<std::size_t>(
      std::ranges::lower_bound(batch.logit_rows, batch.trees[tree].prompt_end - 1) - batch.logit_rows.begin());
  std::vector<std::size_t> rows, left;  // first row of each candidate; candidates that the path may still become
  for (std::size_t next = prompt_row + 1; const auto& candidate : request.candidates) {
    left.push_back(rows.size());
    rows.push_back(next);
    next += candidate.size() - 1;
  }
  std::size_t row = prompt_row;
  for (std::size_t depth = 0; !sequence.is_done; ++depth) {
    Choice choice = output.choices[row];
    if (choices == Choices::kCandidates) {
      constexpr double kNone = -std::numeric_limits<double>::infinity();  // no other choice comes near
      choice = {kNone, kNone, choice.token};
      for (const std::size_t c : left) {
        const std::size_t from = depth == 0 ? prompt_row : rows[c] + depth - 1;
        const auto target = static_cast<std::size_t>(batch.target_begin[from]) + (depth == 0 ? c : 0);
        const std::int32_t token = request.candidates[c][depth];
        const double logp = output.token_logp[target];
        if (logp > choice.logit || (logp == choice.logit && token < choice.token)) choice = {logp, kNone, token};
      }
    }
    std::erase_if(left, [&](std::size_t c) { return request.candidates[c][depth] != choice.token; });
    const bool is_end = !left.empty() && request.candidates[left[0]].size() == depth + 1;
    accept(sequence, choice, ending);
    if (left.empty() || is_end) return;
    row = rows[left[0]] + depth;
  }
}

template <class T>
std::vector<GeneratedSequence> Generator<T>::pass_trees(std::span<const TreeRequest> requests, std::size_t first,
                                                        std::size_t end, Choices choices, const Ending& ending,
                                                        std::vector<TreeAnswer>& answers) {
  std::vector<GeneratedSequence> batch;
  BatchUploader::Pass pass;
  std::int64_t cache_begin = 0;
  const auto flush = [&] {
    const DeviceBatch on_device = uploader_.upload(exec_, pass);
    const Matrix<T> hidden = decoder_->forward(exec_, on_device, caches_, nullptr);
    const TreeOutput output = decoder_->head().forward_and_greedy(exec_, decoder_->weights(), on_device, hidden);
    uploader_.recycle();
    const std::vector<data::Tree>& trees = pass.batch.trees;
    for (std::size_t t = 0; t < trees.size(); ++t) {
      GeneratedSequence& sequence = batch[batch.size() - trees.size() + t];
      answers[sequence.request].logp = {output.logp.begin() + trees[t].completion_begin,
                                        output.logp.begin() + trees[t].completion_end};
      walk(requests[sequence.request], pass.batch, t, output, choices, sequence, ending);
    }
    pass = {};
  };
  for (std::size_t r = first; r < end; ++r) {
    const TreeRequest& request = requests[r];
    const std::int64_t tokens = data::tree_tokens(request.prompt, request.candidates);
    if (!pass.spans.empty() && pass.batch.num_tokens() + tokens > kPassTokens) flush();
    append_tree(pass, cache_begin, request.prompt, request.candidates);
    batch.push_back({r,
                     request.max_new_tokens,
                     cache_begin,
                     static_cast<std::int64_t>(request.prompt.size()),
                     cache_begin + tokens,
                     {}});
    cache_begin += tokens + request.max_new_tokens;
  }
  flush();
  return batch;
}

template <class T>
std::vector<TreeAnswer> Generator<T>::answer(std::span<const TreeRequest> requests, Choices choices,
                                             const Ending& ending) {
  std::vector<std::int64_t> rows;
  for (const TreeRequest& request : requests) {
    RECPO_REQUIRE(!request.prompt.empty() && !request.candidates.empty());
    rows.push_back(data::tree_tokens(request.prompt, request.candidates) + request.max_new_tokens);
  }
  const Batches batches = make_batches(rows, batch_tokens_);
  std::vector<TreeAnswer> answers(requests.size());
  std::vector<std::size_t> again;
  for (std::size_t b = 0; b + 1 < batches.begins.size(); ++b) {
    const std::size_t first = batches.begins[b], end = batches.begins[b + 1];
    DecoderCapacity capacity;
    std::int64_t generated = 0;  // tokens that may wait for the first pass of decoding: a candidate's of each sequence
    for (const TreeRequest& request : requests.subspan(first, end - first)) {
      capacity.completions += static_cast<std::int64_t>(request.candidates.size());
      generated += static_cast<std::int64_t>(
          std::ranges::max(request.candidates, {}, [](const auto& candidate) { return candidate.size(); }).size());
    }
    capacity.positions = batches.longest;
    capacity.tokens = capacity.logit_rows = std::max({kPassTokens, batches.longest, generated});
    capacity.targets = capacity.tokens + capacity.completions;
    reserve(capacity, std::max(batch_tokens_, batches.longest));

    std::vector<GeneratedSequence> batch = pass_trees(requests, first, end, choices, ending, answers);
    decode(batch, ending);
    for (GeneratedSequence& sequence : batch) {
      if (!sequence.is_certain) again.push_back(sequence.request);
      answers[sequence.request].generated = std::move(sequence.generated);
    }
  }
  if (again.empty()) return answers;
  std::vector<GenerateRequest> close;
  for (const std::size_t r : again)
    close.push_back({{requests[r].prompt.begin(), requests[r].prompt.end()}, requests[r].max_new_tokens});
  const StopFunction stop = [&](std::size_t request, std::span<const std::int32_t> generated) {
    return ending.stop && ending.stop(again[request], generated);
  };
  auto generated = generate(close, {ending.end_id, stop, {}});
  for (std::size_t i = 0; i < again.size(); ++i) answers[again[i]].generated = std::move(generated[i]);
  return answers;
}

RECPO_INSTANTIATE_STORAGE_CLASS(Generator);

}  // namespace recpo::model
