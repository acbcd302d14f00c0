#pragma once
// Rows of a table by number, and the gradient of the table from those of the rows: kernels/embedding.hpp with the
// grouping that its backward wants. A number outside the table (kNoItem) gives zeros.

#include <vector>

#include "kernels/embedding.hpp"
#include "src/baselines/buffers.hpp"

namespace recpo::baselines {

class Lookup {
 public:
  void set(const std::vector<int>& numbers);
  Vector<const int> numbers() const { return numbers_.view(); }
  std::int64_t size() const { return numbers_.size(); }

  // out [size, H] is assigned.
  template <class T>
  void forward(const ExecSpace& exec, Matrix<const T> table, Matrix<T> out) const {
    kernels::embedding_forward<T>(exec, numbers_.view(), table, out);
  }
  // d_rows [size, H]; d_table [V, H] is added to.
  template <class T>
  void backward(const ExecSpace& exec, Matrix<const T> d_rows, Matrix<T> d_table) const {
    kernels::embedding_backward<T>(exec, group_number_.view(), group_begin_.view(), order_.view(), d_rows, d_table);
  }

 private:
  Numbers numbers_, group_number_, group_begin_, order_;
};

}  // namespace recpo::baselines
