#include "src/model/head.hpp"

#include <algorithm>
#include <span>
#include <type_traits>

#include "kernels/gemm.hpp"
#include "kernels/norm.hpp"
#include "kernels/reductions.hpp"
#include "kernels/sequence_logp.hpp"

namespace recpo::model {
namespace {
using kernels::Op;

template <class V>
V part(const V& vector, std::int64_t begin, std::int64_t count) {
  return V(vector.data() + begin, count);
}
}  // namespace

template <class T>
Head<T>::Head(const LlamaConfig& config, const TensorParallel& tensor, const Capacity& capacity, Arena& arena)
    : config_(shard_config(config, tensor.shard().size)),
      tensor_(tensor),
      vocabulary_(vocabulary_shard(config, tensor.shard())),
      arena_(arena),
      chunk_rows_(std::min(capacity.chunk_rows, capacity.logit_rows)) {
  const std::int64_t hidden = config.hidden_size;
  gathered_ = arena.plan<T>(chunk_rows_ * hidden);
  normed_ = arena.plan<T>(chunk_rows_ * hidden);
  inverse_rms_ = arena.plan<Accumulate<T>>(chunk_rows_);
  logits_ = arena.plan<Accumulate<T>>(chunk_rows_ * config.vocab_size);
  lse_ = arena.plan<Accumulate<T>>(capacity.logit_rows);
  token_logp_ = arena.plan<Accumulate<T>>(capacity.targets);
  logp_ = arena.plan<double>(capacity.completions);
  argmax_ = arena.plan<int>(chunk_rows_);
  largest_ = arena.plan<Accumulate<T>>(chunk_rows_);
  second_ = arena.plan<Accumulate<T>>(chunk_rows_);
  if (tensor.is_split()) shard_lse_ = arena.plan<Accumulate<T>>(tensor.shard().size * capacity.logit_rows);
  if (!capacity.training) return;
  d_logits_ = logits_;
  if (!std::is_same_v<T, Accumulate<T>>) d_logits_ = arena.plan<T>(chunk_rows_ * config.vocab_size);
  d_normed_ = arena.plan<T>(chunk_rows_ * hidden);
  d_gathered_ = arena.plan<T>(chunk_rows_ * hidden);
  norm_workspace_ = arena.plan<Accumulate<T>>(kernels::rms_norm_workspace(chunk_rows_, hidden));
}

template <class T>
std::vector<typename Head<T>::Chunk> Head<T>::chunks(const DeviceBatch& batch) const {
  const auto all = static_cast<std::int64_t>(batch.logit_rows.extent(0));
  std::vector<Chunk> result;
  for (std::int64_t begin = 0; begin < all; begin += chunk_rows_) {
    result.push_back({begin, std::min(all, begin + chunk_rows_)});
  }
  return result;
}

template <class T>
void Head<T>::compute_logits(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                             const Chunk& chunk, Matrix<const T> x) {
  const Matrix<T> gathered = rows(gathered_, chunk), normed = rows(normed_, chunk);
  kernels::gather_rows<T>(exec, part(batch.logit_rows, chunk.begin, chunk.size()), x, gathered);
  kernels::rms_norm_forward<T>(exec, gathered, weights.final_norm, config_.rms_norm_eps, normed,
                               arena_.vector<Accumulate<T>>(inverse_rms_, chunk.size()));
  kernels::gemm<T, Accumulate<T>>(exec, Op::kNone, Op::kTranspose, 1, normed, weights.head, 0, logits(chunk));
}

template <class T>
Vector<const double> Head<T>::forward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                                      Matrix<const T> x) {
  return forward(exec, weights, batch, x, nullptr);
}

template <class T>
TreeOutput Head<T>::forward_and_greedy(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                                       Matrix<const T> x) {
  TreeOutput output;
  const auto logp = Kokkos::create_mirror_view_and_copy(HostSpace{}, forward(exec, weights, batch, x, &output.choices));
  const auto token_logp = Kokkos::create_mirror_view_and_copy(
      HostSpace{}, arena_.vector<Accumulate<T>>(token_logp_, batch.target_token.extent(0)));
  output.logp.assign(logp.data(), logp.data() + logp.extent(0));
  output.token_logp.assign(token_logp.data(), token_logp.data() + token_logp.extent(0));
  combine_choices(output.choices);
  return output;
}

template <class T>
Vector<const double> Head<T>::forward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                                      Matrix<const T> x, std::vector<Choice>* choices) {
  const std::int64_t num_rows = batch.logit_rows.extent(0), place = tensor_.shard().rank * num_rows;
  const auto lse = tensor_.is_split() ? part(arena_.vector<Accumulate<T>>(shard_lse_), place, num_rows)
                                      : arena_.vector<Accumulate<T>>(lse_, num_rows);
  const auto token_logp = arena_.vector<Accumulate<T>>(token_logp_, batch.target_token.extent(0));
  for (const Chunk& chunk : chunks(batch)) {
    compute_logits(exec, weights, batch, chunk, x);
    kernels::sequence_logp_forward<Accumulate<T>>(
        exec, logits(chunk), vocabulary_.count, part(batch.target_begin, chunk.begin, chunk.size() + 1),
        batch.target_token, part(lse, chunk.begin, chunk.size()), token_logp, vocabulary_.first);
    if (choices != nullptr) append_choices(exec, chunk, *choices);
  }
  if (tensor_.is_split()) combine_shards(exec, batch, token_logp);
  const auto logp = arena_.vector<double>(logp_, batch.num_completions());
  kernels::completion_logp<Accumulate<T>>(exec, batch.completion_begin, batch.by_completion, token_logp, logp);
  return logp;
}

template <class T>
void Head<T>::combine_shards(const ExecSpace& exec, const DeviceBatch& batch, Vector<Accumulate<T>> token_logp) {
  const Shard shard = tensor_.shard();
  const std::int64_t num_rows = batch.logit_rows.extent(0);
  const auto shard_lse = arena_.matrix<Accumulate<T>>(shard_lse_, shard.size, num_rows);
  tensor_.communicator->all_gather(exec, shard_lse);
  kernels::sequence_logp_combine<Accumulate<T>>(exec, shard_lse, shard.rank, vocabulary_.count, vocabulary_.first,
                                                batch.target_begin, batch.target_token,
                                                arena_.vector<Accumulate<T>>(lse_, num_rows), token_logp);
  tensor_.communicator->all_reduce_sum(exec, token_logp);  // one shard holds a target, the others add zero
}

template <class T>
void Head<T>::backward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                       Matrix<const T> x, Vector<const double> d_logp, Matrix<T> d_x,
                       const LlamaTensors<Accumulate<T>>& gradients) {
  // The targets' log-probs have been read; their memory takes the gradient.
  const auto d_token_logp = arena_.vector<Accumulate<T>>(token_logp_, batch.target_token.extent(0));
  kernels::completion_logp_backward<Accumulate<T>>(exec, batch.target_completion, d_logp, d_token_logp);
  Kokkos::deep_copy(exec, d_x, T(0));

  const std::vector<Chunk> all = chunks(batch);
  for (const Chunk& chunk : all) {
    if (all.size() > 1) compute_logits(exec, weights, batch, chunk, x);
    const Matrix<T> d_logits = this->d_logits(chunk), d_normed = rows(d_normed_, chunk),
                    d_gathered = rows(d_gathered_, chunk);
    kernels::sequence_logp_backward<Accumulate<T>, T>(
        exec, part(batch.target_begin, chunk.begin, chunk.size() + 1), batch.target_token,
        part(arena_.vector<Accumulate<T>>(lse_), chunk.begin, chunk.size()), d_token_logp, vocabulary_.count,
        logits(chunk), d_logits, vocabulary_.first);
    kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, d_logits, weights.head, 0, d_normed);
    if (tensor_.is_split()) tensor_.communicator->all_reduce_sum(exec, d_normed);
    if (gradients.head.data() != nullptr) {
      kernels::gemm<T, Accumulate<T>>(exec, Op::kTranspose, Op::kNone, 1, d_logits, rows(normed_, chunk), 1,
                                      gradients.head);
    }
    Kokkos::deep_copy(exec, d_gathered, T(0));
    kernels::rms_norm_backward<T>(exec, rows(gathered_, chunk), weights.final_norm,
                                  arena_.vector<Accumulate<T>>(inverse_rms_, chunk.size()), d_normed, d_gathered,
                                  gradients.final_norm, arena_.vector<Accumulate<T>>(norm_workspace_));
    kernels::scatter_add_rows<T>(exec, part(batch.logit_rows, chunk.begin, chunk.size()), d_gathered, d_x);
  }
}

template <class T>
std::vector<Choice> Head<T>::greedy(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                                    Matrix<const T> x) {
  std::vector<Choice> choices;
  for (const Chunk& chunk : chunks(batch)) {
    compute_logits(exec, weights, batch, chunk, x);
    append_choices(exec, chunk, choices);
  }
  combine_choices(choices);
  return choices;
}

template <class T>
void Head<T>::append_choices(const ExecSpace& exec, const Chunk& chunk, std::vector<Choice>& choices) {
  const auto index = arena_.vector<int>(argmax_, chunk.size());
  const auto largest = arena_.vector<Accumulate<T>>(largest_, chunk.size());
  const auto second = arena_.vector<Accumulate<T>>(second_, chunk.size());
  kernels::argmax_rows<Accumulate<T>>(exec, logits(chunk), vocabulary_.count, index, largest, second);
  const auto tokens = Kokkos::create_mirror_view_and_copy(HostSpace{}, index);
  const auto values = Kokkos::create_mirror_view_and_copy(HostSpace{}, largest);
  const auto others = Kokkos::create_mirror_view_and_copy(HostSpace{}, second);
  for (std::int64_t r = 0; r < chunk.size(); ++r)
    choices.push_back({static_cast<double>(values(r)), static_cast<double>(others(r)),
                       static_cast<std::int32_t>(vocabulary_.first + tokens(r))});
}

// Of all shards; among equals the smallest token, which is on the lowest shard.
template <class T>
void Head<T>::combine_choices(std::vector<Choice>& choices) const {
  if (!tensor_.is_split()) return;
  std::vector<std::vector<Choice>> shards = parallel::gather_by_rank(*tensor_.communicator, choices);
  choices = std::move(shards.front());
  for (const std::vector<Choice>& other : std::span(shards).subspan(1)) {
    for (std::size_t r = 0; r < choices.size(); ++r) {
      Choice& best = choices[r];
      if (other[r].logit > best.logit) {
        best = {other[r].logit, std::max(best.logit, other[r].runner_up), other[r].token};
      } else {
        best.runner_up = std::max(best.runner_up, other[r].logit);
      }
    }
  }
}

RECPO_INSTANTIATE_STORAGE_CLASS(Head);

}  // namespace recpo::model
