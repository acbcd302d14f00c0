#include "src/model/generate.hpp"

#include <algorithm>

#include "src/model/decoder.hpp"

namespace recpo::model {
namespace {
constexpr std::int64_t kPrefillTokens = 2048;  // tokens of one pass; a longer prompt goes alone

struct Sequence {
  std::size_t request = 0;
  std::int64_t cache_begin = 0;
  std::int64_t length = 0;  // tokens whose keys are cached
  std::vector<std::int32_t> generated;
  bool done = false;
};

// Appends `tokens` of a sequence to a pass; the last one predicts.
void append(BatchUploader::Pass& pass, const Sequence& sequence, std::span<const std::int32_t> tokens) {
  const auto begin = static_cast<std::int64_t>(pass.tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::int64_t position = sequence.length + static_cast<std::int64_t>(i);
    pass.tokens.push_back(tokens[i]);
    pass.positions.push_back(static_cast<int>(position));
    pass.cache_rows.push_back(static_cast<int>(sequence.cache_begin + position));
    pass.visible_end.push_back(static_cast<int>(sequence.cache_begin + position + 1));
  }
  const auto end = static_cast<std::int64_t>(pass.tokens.size());
  pass.spans.push_back({begin, end, sequence.cache_begin, sequence.cache_begin + sequence.length + end - begin});
  pass.logit_rows.push_back(static_cast<int>(end - 1));
}

std::int64_t cache_rows(const GenerateRequest& request) {
  return static_cast<std::int64_t>(request.prompt.size()) + request.max_new_tokens;
}
}  // namespace

template <class T>
struct Generator<T>::Implementation {
  LlamaConfig config;
  ParameterStore<T>& store;
  std::int64_t batch_tokens;
  TensorParallel tensor;
  std::unique_ptr<Decoder<T>> decoder;
  BatchUploader uploader;
  ExecSpace exec;
  std::vector<OwnedMatrix<T>> memory;  // key, value of each block
  std::vector<KeyValueCache<T>> caches;

  void reserve(std::int64_t pass_tokens, std::int64_t sequences, std::int64_t positions, std::int64_t rows);
  std::vector<int> run(BatchUploader::Pass& pass);
  void prefill(std::span<const GenerateRequest> requests, std::vector<Sequence>& batch, std::vector<int>& next);
  void decode(std::vector<Sequence>& batch, std::vector<int>& next);
};

template <class T>
Generator<T>::Generator(const LlamaConfig& config, ParameterStore<T>& store, std::int64_t batch_tokens,
                        const TensorParallel& tensor)
    : implementation_(new Implementation{config, store, batch_tokens, tensor, nullptr, {}, {}, {}, {}}) {
  implementation_->tensor.sequence = false;  // one token a pass is nothing to split
}
template <class T>
Generator<T>::~Generator() = default;

// Grows activations and cache to what the coming requests need; both keep their size between calls.
template <class T>
void Generator<T>::Implementation::reserve(std::int64_t pass_tokens, std::int64_t sequences, std::int64_t positions,
                                           std::int64_t rows) {
  if (!decoder || decoder->capacity().tokens < pass_tokens || decoder->capacity().positions < positions ||
      decoder->capacity().logit_rows < sequences) {
    DecoderCapacity capacity;
    capacity.tokens = pass_tokens;
    capacity.positions = positions;
    capacity.logit_rows = sequences;
    decoder.reset();
    decoder = std::make_unique<Decoder<T>>(config, store, capacity, tensor);
  }
  if (!caches.empty() && static_cast<std::int64_t>(caches.front().key.extent(0)) >= rows) return;
  caches.clear();
  memory.clear();
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    for (const std::string label : {"recpo::generate::key_cache", "recpo::generate::value_cache"}) {
      memory.emplace_back(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), rows,
                          decoder->config().key_value_width());
    }
    caches.push_back({memory[memory.size() - 2], memory[memory.size() - 1]});
  }
}

template <class T>
std::vector<int> Generator<T>::Implementation::run(BatchUploader::Pass& pass) {
  const DeviceBatch batch = uploader.upload(exec, pass);
  const Matrix<T> output = decoder->forward(exec, batch, caches, nullptr);
  std::vector<int> tokens = decoder->head().greedy(exec, decoder->weights(), batch, output);  // waits
  uploader.recycle();
  return tokens;
}

template <class T>
void Generator<T>::Implementation::prefill(std::span<const GenerateRequest> requests, std::vector<Sequence>& batch,
                                           std::vector<int>& next) {
  next.clear();
  BatchUploader::Pass pass;
  const auto flush = [&] {
    if (pass.tokens.empty()) return;
    const std::vector<int> tokens = run(pass);
    next.insert(next.end(), tokens.begin(), tokens.end());
    pass = {};
  };
  for (Sequence& sequence : batch) {
    const std::vector<std::int32_t>& prompt = requests[sequence.request].prompt;
    if (pass.tokens.size() + prompt.size() > static_cast<std::size_t>(kPrefillTokens)) flush();
    append(pass, sequence, prompt);
    sequence.length = static_cast<std::int64_t>(prompt.size());
  }
  flush();
}

// One token for every unfinished sequence; next[i] belongs to batch[i].
template <class T>
void Generator<T>::Implementation::decode(std::vector<Sequence>& batch, std::vector<int>& next) {
  BatchUploader::Pass pass;
  std::vector<std::size_t> active;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].done) continue;
    append(pass, batch[i], std::span(&batch[i].generated.back(), 1));
    ++batch[i].length;
    active.push_back(i);
  }
  const std::vector<int> tokens = run(pass);
  for (std::size_t a = 0; a < active.size(); ++a) next[active[a]] = tokens[a];
}

template <class T>
std::vector<std::vector<std::int32_t>> Generator<T>::generate(std::span<const GenerateRequest> requests,
                                                              std::int32_t end_id, const StopFunction& stop,
                                                              const std::function<void()>& on_done) {
  std::vector<std::int64_t> rows;
  std::int64_t longest_prompt = 0, longest_sequence = 0;
  for (const GenerateRequest& request : requests) {
    RECPO_REQUIRE(!request.prompt.empty());
    rows.push_back(cache_rows(request));
    longest_prompt = std::max(longest_prompt, static_cast<std::int64_t>(request.prompt.size()));
    longest_sequence = std::max(longest_sequence, rows.back());
  }
  const std::vector<std::size_t> begins = data::pack(rows, implementation_->batch_tokens);
  std::int64_t most_sequences = 1;
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    most_sequences = std::max(most_sequences, static_cast<std::int64_t>(begins[b + 1] - begins[b]));
  }
  const std::int64_t most_rows = std::max(implementation_->batch_tokens, longest_sequence);
  implementation_->reserve(std::max({kPrefillTokens, longest_prompt, most_sequences}), most_sequences, longest_sequence,
                           most_rows);

  std::vector<std::vector<std::int32_t>> results(requests.size());
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    std::vector<Sequence> batch;
    std::int64_t cache_begin = 0;
    for (std::size_t r = begins[b]; r < begins[b + 1]; ++r) {
      batch.push_back({r, cache_begin, 0, {}, false});
      cache_begin += rows[r];
    }
    std::vector<int> next;
    implementation_->prefill(requests, batch, next);
    const auto accept = [&](std::size_t i) {
      Sequence& sequence = batch[i];
      const std::int64_t limit = requests[sequence.request].max_new_tokens;
      if (limit > 0) sequence.generated.push_back(next[i]);
      sequence.done = static_cast<std::int64_t>(sequence.generated.size()) >= limit || next[i] == end_id ||
                      (stop && stop(sequence.request, sequence.generated));
      if (sequence.done && on_done) on_done();
    };
    for (;;) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!batch[i].done) accept(i);
      }
      if (std::all_of(batch.begin(), batch.end(), [](const Sequence& s) { return s.done; })) break;
      implementation_->decode(batch, next);
    }
    for (Sequence& sequence : batch) results[sequence.request] = std::move(sequence.generated);
  }
  return results;
}

#define RECPO_INSTANTIATE(T) template class Generator<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
