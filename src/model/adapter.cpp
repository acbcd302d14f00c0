#include "src/model/adapter.hpp"

#include "kernels/gemm.hpp"

namespace recpo::model {
namespace {
using kernels::Op;

template <class T>
kernels::DropoutMask mask_of(const BlockLora<T>& lora, std::size_t p) {
  kernels::DropoutMask mask = lora.mask;
  mask.salt += p;
  mask.first_column = lora.first_column[p];
  return mask;
}

template <class T>
Matrix<T> shaped_like(const Vector<T>& memory, const Matrix<const T>& x) {
  return Matrix<T>(memory.data(), x.extent(0), x.extent(1));
}

// What A is applied to.
template <class T>
Matrix<const T> adapter_input(const ExecSpace& exec, const BlockLora<T>& lora, std::size_t p, Matrix<const T> x) {
  if (!lora.drops()) return x;
  const Matrix<T> dropped = shaped_like(lora.dropped, x);
  kernels::dropout_forward<T>(exec, mask_of(lora, p), x, dropped);
  return dropped;
}
}  // namespace

template <class T>
void adapter_project_down(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x) {
  const auto p = static_cast<std::size_t>(projection);
  kernels::gemm<T>(exec, Op::kNone, Op::kTranspose, 1, adapter_input(exec, lora, p, x), lora.weights[p].a, 0,
                   lora.u[p]);
}

template <class T>
void adapter_forward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                     Matrix<T> y) {
  const auto p = static_cast<std::size_t>(projection);
  const Adapter<T>& adapter = lora.weights[p];
  if (!adapter.exists()) return;
  const auto scale = static_cast<Accumulate<T>>(lora.scale);
  adapter_project_down<T>(exec, lora, projection, x);
  kernels::gemm<T>(exec, Op::kNone, Op::kTranspose, scale, lora.u[p], adapter.b, 1, y);
}

template <class T>
void adapter_backward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                      Matrix<const T> dy, Matrix<T> dx) {
  using Sum = Accumulate<T>;
  const auto p = static_cast<std::size_t>(projection);
  const Adapter<T>& adapter = lora.weights[p];
  if (!adapter.exists()) return;
  const Adapter<Sum>& gradient = lora.gradients[p];
  const auto scale = static_cast<Sum>(lora.scale);
  kernels::gemm<T, Sum>(exec, Op::kTranspose, Op::kNone, scale, dy, lora.u[p], 1, gradient.b);
  kernels::gemm<T>(exec, Op::kNone, Op::kNone, scale, dy, adapter.b, 0, lora.d_u);
  kernels::gemm<T, Sum>(exec, Op::kTranspose, Op::kNone, 1, lora.d_u, adapter_input(exec, lora, p, x), 1, gradient.a);
  if (!lora.drops()) {
    kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, lora.d_u, adapter.a, 1, dx);
    return;
  }
  const Matrix<T> d_dropped = shaped_like(lora.d_dropped, x);
  kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, lora.d_u, adapter.a, 0, d_dropped);
  kernels::dropout_backward<T>(exec, mask_of(lora, p), d_dropped, dx);
}

#define RECPO_INSTANTIATE(T)                                                                                       \
  template void adapter_project_down<T>(const ExecSpace&, const BlockLora<T>&, Projection, Matrix<const T>);       \
  template void adapter_forward<T>(const ExecSpace&, const BlockLora<T>&, Projection, Matrix<const T>, Matrix<T>); \
  template void adapter_backward<T>(const ExecSpace&, const BlockLora<T>&, Projection, Matrix<const T>,            \
                                    Matrix<const T>, Matrix<T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
