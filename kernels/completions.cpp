#include "kernels/completions.hpp"

#include "kernels/row.hpp"
#include "kernels/set_loss.hpp"

namespace recpo::kernels {

template <class T>
void completion_logp(const ExecSpace& exec, Vector<const int> begin, Vector<const int> target,
                     Vector<const T> token_logp, Vector<double> logp) {
  for_each_element(
      exec, "recpo::completions::logp", logp.extent(0), KOKKOS_LAMBDA(std::int64_t c) {
        double sum = 0;
        for (int i = begin(c); i < begin(c + 1); ++i) sum += static_cast<double>(token_logp(target(i)));
        logp(c) = sum;
      });
}

template <class T>
void completion_logp_backward(const ExecSpace& exec, Vector<const int> completion, Vector<const double> d_logp,
                              Vector<T> d_token_logp) {
  for_each_element(
      exec, "recpo::completions::logp_backward", d_token_logp.extent(0),
      KOKKOS_LAMBDA(std::int64_t m) { d_token_logp(m) = static_cast<T>(d_logp(completion(m))); });
}

void preference_gradient(const ExecSpace& exec, const PreferenceSets& sets, double scale, Vector<const double> logp,
                         Vector<double> d_logp) {
  for_each_element(
      exec, "recpo::completions::preference_gradient", sets.answer_weight.extent(0), KOKKOS_LAMBDA(std::int64_t s) {
        const int first = sets.begin(s), completions = sets.begin(s + 1) - first;
        const SetTerms terms{sets.slope.data() + first, sets.reference.data() + first, sets.offset.data() + first,
                             sets.answer_weight(s), completions};
        double* d = d_logp.data() + first;
        set_loss(terms, logp.data() + first, d);
        for (int k = 0; k < completions; ++k) d[k] *= scale;
      });
}

#define RECPO_INSTANTIATE(T)                                                                                \
  template void completion_logp<T>(const ExecSpace&, Vector<const int>, Vector<const int>, Vector<const T>, \
                                   Vector<double>);                                                         \
  template void completion_logp_backward<T>(const ExecSpace&, Vector<const int>, Vector<const double>, Vector<T>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
