#pragma once
// The fused form of attention.hpp (AttentionForm::kFused): one cuDNN call for all spans and heads, forward and
// backward, without scores in memory. It is the tree's mask exactly: cuDNN leaves out the keys behind the diagonal, and
// a bias of 0 or next to minus infinity over the pairs of a span leaves out those between answers. For training on a
// GPU in bfloat16: queries are keys, D is 64 or 128, and q, k, v are the columns of one matrix [T, (N + 2G) D]. Which
// file implements it is chosen by CMakeLists.txt.

#include <string>

#include "kernels/attention.hpp"

namespace recpo::kernels {

// Why these cannot be worked on by the fused form; empty: they can. May compile a plan, which takes seconds.
std::string fused_attention_obstacle(const AttentionShape& shape, const std::vector<AttentionSpan>& spans);

// Without obstacle: bytes of workspace.
std::int64_t fused_attention_workspace_bytes(const AttentionShape& shape, const std::vector<AttentionSpan>& spans);

// Contracts of attention_forward and attention_backward. Without obstacle, and operands laid out as above.
void fused_attention_forward(const ExecSpace& exec, const AttentionShape& shape,
                             const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                             Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                             Matrix<Bfloat16> out, Matrix<float> lse, Vector<float> workspace);
void fused_attention_backward(const ExecSpace& exec, const AttentionShape& shape,
                              const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                              Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                              Matrix<const Bfloat16> out, Matrix<const float> lse, Matrix<const Bfloat16> d_out,
                              Matrix<Bfloat16> dq, Matrix<Bfloat16> dk, Matrix<Bfloat16> dv, Vector<float> workspace);

}  // namespace recpo::kernels
