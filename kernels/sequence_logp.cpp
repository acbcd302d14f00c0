#include "kernels/sequence_logp.hpp"

#include "kernels/math.hpp"
#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void sequence_logp_forward(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<const int> target_begin,
                           Vector<const int> target_token, Vector<Accumulate<T>> lse,
                           Vector<Accumulate<T>> token_logp) {
  using Sum = Accumulate<T>;
  for_each_row(
      exec, "recpo::sequence_logp::forward", logits.extent(0), vocab, KOKKOS_LAMBDA(const Row& row) {
        const T* logit = &logits(row.index(), 0);
        const Sum largest = row.max<Sum>(vocab, [&](int v) { return static_cast<Sum>(logit[v]); });
        const Sum sum = row.sum<Sum>(vocab, [&](int v) { return exp(logit[v] - largest); });
        const Sum log_sum = Kokkos::log(sum);
        const int begin = target_begin(row.index()), count = target_begin(row.index() + 1) - begin;
        // logit - largest is exact when they are close; adding the two halves of lse first would round it away.
        row.for_each(count,
                     [&](int m) { token_logp(begin + m) = (logit[target_token(begin + m)] - largest) - log_sum; });
        row.once([&]() { lse(row.index()) = largest + log_sum; });
      });
}

template <class T>
void sequence_logp_backward(const ExecSpace& exec, Vector<const int> target_begin, Vector<const int> target_token,
                            Vector<const Accumulate<T>> lse, Vector<const Accumulate<T>> d_token_logp, int vocab,
                            Matrix<T> logits) {
  using Sum = Accumulate<T>;
  const int padding = static_cast<int>(logits.extent(1)) - vocab;
  for_each_row(
      exec, "recpo::sequence_logp::backward", logits.extent(0), vocab, KOKKOS_LAMBDA(const Row& row) {
        T* logit = &logits(row.index(), 0);
        const int begin = target_begin(row.index()), end = target_begin(row.index() + 1);
        Sum total = 0;
        for (int m = begin; m < end; ++m) total += d_token_logp(m);
        const Sum row_lse = lse(row.index());
        row.for_each(vocab, [&](int v) { logit[v] = -total * exp(logit[v] - row_lse); });
        row.for_each(padding, [&](int v) { logit[vocab + v] = 0; });
        // One after the other: two answers may begin with the same token.
        row.once([&]() {
          for (int m = begin; m < end; ++m) logit[target_token(m)] += d_token_logp(m);
        });
      });
}

template <class T>
void argmax_rows(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<int> index) {
  for_each_row(
      exec, "recpo::sequence_logp::argmax", logits.extent(0), vocab, KOKKOS_LAMBDA(const Row& row) {
        const T* logit = &logits(row.index(), 0);
        const T largest = row.max<T>(vocab, [&](int v) { return logit[v]; });
        // The largest of (vocab - v) is the smallest v; a row of NaN only has none and gives 0.
        const int from_end = row.max<int>(vocab, [&](int v) { return logit[v] == largest ? vocab - v : 0; });
        row.once([&]() { index(row.index()) = from_end > 0 ? vocab - from_end : 0; });
      });
}

#define RECPO_INSTANTIATE(T)                                                                                           \
  template void sequence_logp_forward<T>(const ExecSpace&, Matrix<const T>, int, Vector<const int>, Vector<const int>, \
                                         Vector<Accumulate<T>>, Vector<Accumulate<T>>);                                \
  template void sequence_logp_backward<T>(const ExecSpace&, Vector<const int>, Vector<const int>,                      \
                                          Vector<const Accumulate<T>>, Vector<const Accumulate<T>>, int, Matrix<T>);   \
  template void argmax_rows<T>(const ExecSpace&, Matrix<const T>, int, Vector<int>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
