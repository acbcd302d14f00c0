#include "kernels/sequence_logp.hpp"

#include "kernels/math.hpp"
#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void sequence_logp_forward(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<const int> target_begin,
                           Vector<const int> target_token, Vector<T> lse, Vector<T> token_logp, int first_token) {
  for_each_packed_row<T>(
      exec, "recpo::sequence_logp::forward", logits.extent(0), vocab, packable(logits.extent(1), logits),
      KOKKOS_LAMBDA(const Row& row) {
        const T* logit = &logits(row.index(), 0);
        const auto [largest, sum] = row.exponential_sum(vocab, logit);
        const T log_sum = Kokkos::log(sum);
        const int begin = target_begin(row.index()), count = target_begin(row.index() + 1) - begin;
        // logit - largest is exact when they are close; adding the two halves of lse first would round it away.
        row.for_each(count, [&](int m) {
          const int column = target_token(begin + m) - first_token;
          const bool held = column >= 0 && column < vocab;
          token_logp(begin + m) = held ? (logit[column] - largest) - log_sum : T(0);
        });
        row.once([&]() { lse(row.index()) = largest + log_sum; });
      });
}

template <class T>
void sequence_logp_combine(const ExecSpace& exec, Matrix<const T> shard_lse, int own_shard, int vocab, int first_token,
                           Vector<const int> target_begin, Vector<const int> target_token, Vector<T> lse,
                           Vector<T> token_logp) {
  const int shards = static_cast<int>(shard_lse.extent(0));
  for_each_row(
      exec, "recpo::sequence_logp::combine", lse.extent(0), 1, KOKKOS_LAMBDA(const Row& row) {
        row.once([&]() {
          const std::int64_t r = row.index();
          T largest = shard_lse(0, r), sum = 0;
          for (int s = 1; s < shards; ++s) largest = shard_lse(s, r) > largest ? shard_lse(s, r) : largest;
          for (int s = 0; s < shards; ++s) sum += exp(shard_lse(s, r) - largest);
          const T log_sum = Kokkos::log(sum);
          const T own_share = (shard_lse(own_shard, r) - largest) - log_sum;
          for (int m = target_begin(r); m < target_begin(r + 1); ++m) {
            const int column = target_token(m) - first_token;
            if (column >= 0 && column < vocab) token_logp(m) += own_share;
          }
          lse(r) = largest + log_sum;
        });
      });
}

template <class T, class D>
void sequence_logp_backward(const ExecSpace& exec, Vector<const int> target_begin, Vector<const int> target_token,
                            Vector<const T> lse, Vector<const T> d_token_logp, int vocab, Matrix<const T> logits,
                            Matrix<D> d_logits, int first_token) {
  const int padding = static_cast<int>(d_logits.extent(1)) - vocab;
  for_each_packed_row<D>(
      exec, "recpo::sequence_logp::backward", logits.extent(0), vocab,
      packable(logits.extent(1), logits) && packable(d_logits.extent(1), d_logits), KOKKOS_LAMBDA(const Row& row) {
        const T* logit = &logits(row.index(), 0);
        D* d_logit = &d_logits(row.index(), 0);
        const int begin = target_begin(row.index()), end = target_begin(row.index() + 1);
        T total = 0;
        for (int m = begin; m < end; ++m) total += d_token_logp(m);
        const T row_lse = lse(row.index());
        const auto column_of = [&](int m) { return target_token(m) - first_token; };
        const auto is_held = [&](int column) { return column >= 0 && column < vocab; };
        row.template for_each_pack<D>(vocab,
                                      [&](auto v) { store(d_logit, v, -total * exp(load(logit, v) - row_lse)); });
        row.for_each(padding, [&](int v) { d_logit[vocab + v] = static_cast<D>(T(0)); });
        // One after the other: two answers may begin with the same token. A gradient stored in less is rounded once,
        // after the sum, where p and 1 may nearly cancel.
        row.once([&]() {
          for (int m = begin; m < end; ++m) {
            const int column = column_of(m);
            if (!is_held(column)) continue;
            if constexpr (std::is_same_v<T, D>) {
              d_logit[column] += d_token_logp(m);
            } else {
              T sum = -total * exp(logit[column] - row_lse);
              for (int n = begin; n < end; ++n) sum += column_of(n) == column ? d_token_logp(n) : T(0);
              d_logit[column] = static_cast<D>(sum);
            }
          }
        });
      });
}

template <class T>
void argmax_rows(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<int> index, Vector<T> largest_logit,
                 Vector<T> second_logit) {
  for_each_row(
      exec, "recpo::sequence_logp::argmax", logits.extent(0), vocab, KOKKOS_LAMBDA(const Row& row) {
        const T* logit = &logits(row.index(), 0);
        const T largest = row.max<T>(vocab, [&](int v) { return logit[v]; });
        // The largest of (vocab - v) is the smallest v; a row of NaN only has none and gives 0.
        const int from_end = row.max<int>(vocab, [&](int v) { return logit[v] == largest ? vocab - v : 0; });
        const int chosen = from_end > 0 ? vocab - from_end : 0;
        const T lowest = Kokkos::Experimental::finite_min_v<T>;
        const T second = row.max<T>(vocab, [&](int v) { return v == chosen ? lowest : logit[v]; });
        row.once([&]() {
          index(row.index()) = chosen;
          largest_logit(row.index()) = largest;
          second_logit(row.index()) = second;
        });
      });
}

RECPO_INSTANTIATE_SUMS(sequence_logp_forward);
RECPO_INSTANTIATE_SUMS(sequence_logp_combine);
RECPO_INSTANTIATE_SUMS(sequence_logp_backward);
RECPO_INSTANTIATE_SUMS(argmax_rows);

template decltype(sequence_logp_backward<float, Bfloat16>) sequence_logp_backward<float, Bfloat16>;

template <class T>
void completion_logp(const ExecSpace& exec, Vector<const int> begin, Vector<const int> target,
                     Vector<const T> token_logp, Vector<double> logp) {
  for_each_element(
      exec, "recpo::sequence_logp::completions", logp.extent(0), KOKKOS_LAMBDA(std::int64_t c) {
        double sum = 0;
        for (int i = begin(c); i < begin(c + 1); ++i) sum += static_cast<double>(token_logp(target(i)));
        logp(c) = sum;
      });
}

template <class T>
void completion_logp_backward(const ExecSpace& exec, Vector<const int> completion, Vector<const double> d_logp,
                              Vector<T> d_token_logp) {
  for_each_element(
      exec, "recpo::sequence_logp::completions_backward", d_token_logp.extent(0),
      KOKKOS_LAMBDA(std::int64_t m) { d_token_logp(m) = static_cast<T>(d_logp(completion(m))); });
}

RECPO_INSTANTIATE_SUMS(completion_logp);
RECPO_INSTANTIATE_SUMS(completion_logp_backward);

}  // namespace recpo::kernels
