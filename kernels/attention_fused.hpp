#pragma once
// The fused form of attention.hpp (AttentionBackend::kFused): one cuDNN call for all spans and heads, forward and
// backward. It is the tree's mask exactly: cuDNN leaves out the keys behind the diagonal, and a bias of 0 or next to
// minus infinity over the pairs of a span leaves out those between answers. The backward adds in a fixed order: the
// same bits in every run, for which it keeps the scores' gradients, 2 B N S^2 bytes, in the workspace. For training on
// a GPU in bfloat16: queries are keys, D is 64 or 128, and q, k, v are columns of matrices [T, (N + 2G) D]. Which file
// implements it is chosen by CMakeLists.txt.
//
// `layout` is kPacked to copy no rows where cuDNN takes them as they are, kPadded to copy them everywhere.

#include <string>

#include "kernels/attention.hpp"
#include "kernels/cudnn/attention_plan.hpp"

namespace recpo::kernels {

// Why these cannot be worked on by the fused form; empty: they can. May compile a plan, which takes seconds.
std::string fused_attention_unsupported_reason(const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                                               AttentionLayout layout = AttentionLayout::kPacked);

// Without obstacle: bytes of workspace.
std::int64_t fused_attention_workspace_bytes(const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                                             AttentionLayout layout = AttentionLayout::kPacked);

// Contracts of attention_forward and attention_backward. Without obstacle, and operands laid out as above.
void fused_attention_forward(const ExecSpace& exec, const AttentionShape& shape,
                             const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                             Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                             Matrix<Bfloat16> out, Matrix<float> lse, Vector<float> workspace,
                             AttentionLayout layout = AttentionLayout::kPacked);
void fused_attention_backward(const ExecSpace& exec, const AttentionShape& shape,
                              const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                              Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                              Matrix<const Bfloat16> out, Matrix<const float> lse, Matrix<const Bfloat16> d_out,
                              Matrix<Bfloat16> dq, Matrix<Bfloat16> dk, Matrix<Bfloat16> dv, Vector<float> workspace,
                              AttentionLayout layout = AttentionLayout::kPacked);

}  // namespace recpo::kernels
