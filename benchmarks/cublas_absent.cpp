#include "benchmarks/cublas_best.hpp"

namespace recpo::bench {

template <class T, class C>
std::optional<double> best_cublas_seconds(const kernels::GemmCall<T, C>&) {
  return std::nullopt;
}

#define RECPO_INSTANTIATE(T, C) \
  template std::optional<double> best_cublas_seconds<T, C>(const kernels::GemmCall<T, C>&);
RECPO_FOR_EACH_GEMM_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::bench
