// A program without cuDNN: CPU builds, and GPU builds where it or its frontend was not found.

#include "kernels/attention_fused.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {
constexpr const char* kAbsence = "this program was built without cuDNN";
}  // namespace

std::string attention_description() { return "without cuDNN"; }
std::string fused_attention_unsupported_reason(const AttentionShape&, const std::vector<AttentionSpan>&,
                                               AttentionLayout) {
  return kAbsence;
}
std::int64_t fused_attention_workspace_bytes(const AttentionShape&, const std::vector<AttentionSpan>&,
                                             AttentionLayout) {
  return 0;
}
void fused_attention_forward(const ExecSpace&, const AttentionShape&, const std::vector<AttentionSpan>&,
                             const AttentionMask&, Matrix<const Bfloat16>, Matrix<const Bfloat16>,
                             Matrix<const Bfloat16>, Matrix<Bfloat16>, Matrix<float>, Vector<float>, AttentionLayout) {
  throw_error(ExitCode::kInternal, "{}", kAbsence);
}
void fused_attention_backward(const ExecSpace&, const AttentionShape&, const std::vector<AttentionSpan>&,
                              const AttentionMask&, Matrix<const Bfloat16>, Matrix<const Bfloat16>,
                              Matrix<const Bfloat16>, Matrix<const Bfloat16>, Matrix<const float>,
                              Matrix<const Bfloat16>, Matrix<Bfloat16>, Matrix<Bfloat16>, Matrix<Bfloat16>,
                              Vector<float>, AttentionLayout) {
  throw_error(ExitCode::kInternal, "{}", kAbsence);
}

}  // namespace recpo::kernels
