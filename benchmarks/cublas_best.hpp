#pragma once
// What cuBLAS itself can do at best for one product: the fastest of the algorithms that its heuristic offers, each
// timed on the product's own matrices. Where there is no cuBLAS (cublas_absent.cpp), nothing.

#include <optional>

#include "kernels/gemm.hpp"

namespace recpo::bench {

// Seconds. The result is written to the call's C.
template <class T, class C>
std::optional<double> best_cublas_seconds(const kernels::GemmCall<T, C>& call);

}  // namespace recpo::bench
