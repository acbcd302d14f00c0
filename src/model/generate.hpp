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

// Called after each new token with the index of the request and its tokens so far (prompt excluded); true ends it.
using StopFunction = std::function<bool(std::size_t request, std::span<const std::int32_t> generated)>;

template <class T>
class Generator {
 public:
  // batch_tokens bounds the cache: the sum over sequences decoded together of prompt + max_new_tokens (a longer
  // request stands alone).
  Generator(const LlamaConfig& config, ParameterStore<T>& store, std::int64_t batch_tokens,
            const TensorParallel& tensor = {});
  ~Generator();

  // Greedy continuation of each request: ends after end_id (kept as last token), when `stop` says so, or at
  // max_new_tokens. `on_done` (may be empty) is called once a request for progress.
  std::vector<std::vector<std::int32_t>> generate(std::span<const GenerateRequest> requests, std::int32_t end_id,
                                                  const StopFunction& stop = {},
                                                  const std::function<void()>& on_done = {});

  struct Implementation;

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace recpo::model
