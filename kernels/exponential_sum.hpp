#pragma once
// The denominator of a softmax as a pair of numbers that does not overflow.

namespace recpo::kernels {

// Of a row of numbers x: the largest, and the sum of exp(x - largest).
template <class Real>
struct ExponentialSum {
  Real largest, sum;
};

}  // namespace recpo::kernels
