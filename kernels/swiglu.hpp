#pragma once
// SwiGLU (Shazeer 2020): y = silu(gate) * up, silu(g) = g / (1 + exp(-g)). gate and up are the two halves of one
// fused projection's rows.

#include "src/support/views.hpp"

namespace recpo::kernels {

// gate_up [T, 2F] (gate first), y [T, F] (assigned)
template <class T>
void swiglu_forward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<T> y);

// dy [T, F]; d_gate_up [T, 2F] (assigned; may be the same memory as gate_up)
template <class T>
void swiglu_backward(const ExecSpace& exec, Matrix<const T> gate_up, Matrix<const T> dy, Matrix<T> d_gate_up);

}  // namespace recpo::kernels
