#include "benchmarks/cublas_best.hpp"

namespace recpo::bench {

template <class T, class C>
std::optional<double> best_cublas_seconds(const kernels::GemmCall<T, C>&) {
  return std::nullopt;
}

#define RECPO_INSTANTIATE(T) template decltype(best_cublas_seconds<T, T>) best_cublas_seconds<T, T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE
template decltype(best_cublas_seconds<Bfloat16, float>) best_cublas_seconds<Bfloat16, float>;

}  // namespace recpo::bench
