#pragma once
// One decoder block, forward and backward, as a sequence of kernels:
//   normed = rms_norm(x);  q|k|v = rope(normed Wqkv^T);  mid = x + attention(q, k, v) Wo^T
//   mid_normed = rms_norm(mid);  out = mid + swiglu(mid_normed Wgate_up^T) Wdown^T
// All memory is the caller's.

#include "kernels/attention.hpp"
#include "src/model/config.hpp"
#include "src/model/device_batch.hpp"
#include "src/model/weights.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

template <class T>
struct RopeTables {
  Matrix<const Accumulate<T>> cosine, sine;  // [positions, D / 2]
};

// What a block computes on the way; kept for the backward pass in training, shared by all blocks otherwise.
template <class T>
struct BlockActivations {
  Matrix<T> x;                                         // [T, H] input
  Matrix<T> normed, mid, mid_normed;                   // [T, H]
  Matrix<T> qkv;                                       // [T, (N + 2G) D] after the rotation
  Matrix<T> attended;                                  // [T, N D]
  Matrix<T> gate_up;                                   // [T, 2F]; its gradient afterwards
  Matrix<T> activated;                                 // [T, F]
  Vector<Accumulate<T>> inverse_rms, mid_inverse_rms;  // [T]
  Matrix<Accumulate<T>> lse;                           // [T, N]
};

// Keys and values of earlier passes (generation). Without a cache (training) both are empty.
template <class T>
struct KeyValueCache {
  Matrix<T> key, value;  // [cache rows, G D]
  bool exists() const { return key.extent(0) > 0; }
};

template <class T>
struct BackwardWorkspace {
  Matrix<T> d_normed;     // [T, H]
  Matrix<T> d_qkv;        // [T, (N + 2G) D]
  Matrix<T> d_attended;   // [T, N D]
  Matrix<T> d_activated;  // [T, F]
  Vector<Accumulate<T>> norm;
};

template <class T>
struct BlockContext {  // what all blocks of a pass share
  const LlamaConfig& config;
  const DeviceBatch& batch;
  RopeTables<T> rope;
  Vector<T> attention_workspace;
};

// out [T, H] is assigned; it may be the same memory as activations.x when no backward follows.
template <class T>
void block_forward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                   const KeyValueCache<T>& cache, const BlockActivations<T>& activations, Matrix<T> out);

// d_x [T, H]: gradient of the block's output in, of its input out. Gradients of weights are added to.
template <class T>
void block_backward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                    const BlockActivations<T>& activations, const BackwardWorkspace<T>& workspace, Matrix<T> d_x,
                    const BlockTensors<T>& gradients);

}  // namespace recpo::model
