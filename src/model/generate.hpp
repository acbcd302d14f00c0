#pragma once
// Batched greedy decoding with a key/value cache. Prompts are processed packed (no padding), then all unfinished
// sequences advance one token a pass. Collective over the shards of tensor parallelism, which all get the same
// requests.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "src/model/llama.hpp"

namespace recpo::model {

struct GenerateRequest {
  std::vector<std::int32_t> prompt;  // at least one token
  std::int64_t max_new_tokens = 0;
};

// A prompt with candidate answers, each of which ends with the end token.
struct TreeRequest {
  std::span<const std::int32_t> prompt;  // at least one token
  std::vector<std::span<const std::int32_t>> candidates;
  std::int64_t max_new_tokens = 0;
};

struct TreeAnswer {
  std::vector<double> logp;             // [candidates] sum over tokens, end token included
  std::vector<std::int32_t> generated;  // greedy, as Generator::generate gives it
};

// From which tokens greedy decoding chooses: all, or those that continue one of the candidates.
enum class Choices : std::uint8_t { kAll, kCandidates };

// Called after each new token with the index of the request and its tokens so far (prompt excluded); true ends it.
using StopFunction = std::function<bool(std::size_t request, std::span<const std::int32_t> generated)>;

// When a sequence ends.
struct Ending {
  std::int32_t end_id = -1;
  StopFunction stop = {};              // may be empty
  std::function<void()> on_done = {};  // called once a request, for progress; may be empty
};

// A request in progress. Its prompt stands in cache rows [cache_begin, cache_begin + prompt_length), what is generated
// from own_begin on.
struct GeneratedSequence {
  std::size_t request = 0;
  std::int64_t max_new_tokens = 0, cache_begin = 0, prompt_length = 0, own_begin = 0;
  std::vector<std::int32_t> generated;
  std::int64_t cached = 0;  // generated tokens whose keys are there
  bool is_done = false;
  bool is_certain = true;  // no choice so close that another order of summation might have made another
};

template <class T>
class Generator {
 public:
  // batch_tokens bounds the cache: the sum over sequences decoded together of prompt + max_new_tokens, and of the
  // candidates' tokens (a longer request stands alone).
  Generator(const LlamaConfig& config, ParameterStore<T>& store, std::int64_t batch_tokens,
            const TensorParallel& tensor = {});

  // Greedy continuation of each request: ends after the end token (kept as last token), when `stop` says so, or at
  // max_new_tokens.
  std::vector<std::vector<std::int32_t>> generate(std::span<const GenerateRequest> requests, const Ending& ending);

  // The same, and the log-probs of the candidates, from one pass over the trees of prompts and candidates, which gives
  // the greedy choice after every node. Where the choices lead along a candidate to its end, that is the answer; where
  // they leave the candidates, decoding goes on from the cached prompt. Answers that hang on a close choice are
  // generated again, by generate(). Choices::kCandidates needs the pass alone.
  std::vector<TreeAnswer> answer(std::span<const TreeRequest> requests, Choices choices, const Ending& ending);

 private:
  // Grows activations and cache to what the coming requests need; both keep their size between calls.
  void reserve(const DecoderCapacity& needed, std::int64_t rows);
  // The choice after each logit row of a pass. Waits.
  std::vector<Choice> greedy(const BatchUploader::Pass& pass);
  // The first token of each sequence.
  void prefill(std::span<const GenerateRequest> requests, std::vector<GeneratedSequence>& batch, const Ending& ending);
  // One token for every unfinished sequence, until all are done.
  void decode(std::vector<GeneratedSequence>& batch, const Ending& ending);
  // A choice is close when the rounding of sums in another order may turn it.
  bool is_close(const Choice& choice) const;
  void accept(GeneratedSequence& sequence, const Choice& choice, const Ending& ending) const;
  // Passes over the trees of consecutive requests, from `first` on, and each sequence as far as its candidates go.
  std::vector<GeneratedSequence> pass_trees(std::span<const TreeRequest> requests, std::size_t first, std::size_t end,
                                            Choices choices, const Ending& ending, std::vector<TreeAnswer>& answers);
  // As far as the candidates of the `tree`-th tree of a pass go.
  void walk(const TreeRequest& request, const data::TreeBatch& batch, std::size_t tree, const TreeOutput& output,
            Choices choices, GeneratedSequence& sequence, const Ending& ending) const;

  const LlamaConfig config_;
  ParameterStore<T>& store_;
  const std::int64_t batch_tokens_;
  TensorParallel tensor_;
  std::unique_ptr<Decoder<T>> decoder_;
  BatchUploader uploader_;
  ExecSpace exec_;
  std::vector<OwnedMatrix<T>> memory_;  // key, value of each block
  std::vector<KeyValueCache<T>> caches_;
};

}  // namespace recpo::model
