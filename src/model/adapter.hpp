#pragma once
// One block's adapters at work (model/lora.hpp): what stands beside each projection, forward and backward.
//   forward    u = dropout(x) A^T,  y += s u B^T
//   backward   dB += s dy^T u,  du = s dy B,  dA += du^T dropout(x),  dx += dropout'(du A)
// Under tensor parallelism everything is local to the shard: with A's columns cut, u is the shard's part, and so is its
// term of y, which the caller sums over shards as it does W's.

#include "kernels/dropout.hpp"
#include "src/model/lora.hpp"

namespace recpo::model {

template <class T>
struct BlockLora {
  BlockAdapters<T> weights;
  BlockAdapters<Accumulate<T>> gradients;                 // empty outside training
  std::array<Matrix<T>, kProjections> u;                  // [T, r], kept for the backward pass
  Matrix<T> d_u;                                          // [T, r]
  Vector<T> dropped, d_dropped;                           // workspace, T x the widest input; empty without dropout
  kernels::DropoutMask mask;                              // salt of the layer; no keys: no dropout
  std::array<std::int64_t, kProjections> first_column{};  // of the shard's input
  double scale = 0;

  bool drops() const { return mask.key.extent(0) > 0; }
};

// y += the adapter's term; nothing where the projection has none.
template <class T>
void adapter_forward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                     Matrix<T> y);

// u alone.
template <class T>
void adapter_project_down(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x);

// dx += and the adapter's gradients +=; x and u are those of the forward.
template <class T>
void adapter_backward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                      Matrix<const T> dy, Matrix<T> dx);

}  // namespace recpo::model
