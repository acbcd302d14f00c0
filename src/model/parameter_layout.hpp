#pragma once
// Collects the parameters that one tensor-parallel shard holds, bucket by bucket, in storage order.

#include <algorithm>
#include <string>
#include <vector>

#include "src/model/parameter_store.hpp"

namespace recpo::model {

class ParameterLayout {
 public:
  explicit ParameterLayout(const Shard& shard) : shard_(shard) {}

  void open_bucket() { ++bucket_; }
  void matrix(std::string name, std::int64_t rows, std::int64_t columns, Split split) {
    Parameter parameter{std::move(name), {rows, columns}, split, true, bucket_};
    parameter.held_rows = split == Split::kRows ? (rows + shard_.size - 1) / shard_.size : rows;
    parameter.held_columns = split == Split::kColumns ? columns / shard_.size : columns;
    if (split == Split::kRows) parameter.row_begin = shard_.rank * parameter.held_rows;
    if (split == Split::kColumns) parameter.column_begin = shard_.rank * parameter.held_columns;
    parameter.valid_rows = std::clamp<std::int64_t>(rows - parameter.row_begin, 0, parameter.held_rows);
    parameters_.push_back(std::move(parameter));
  }
  void norm(std::string name, std::int64_t size) {
    Parameter parameter{std::move(name), {size}, Split::kNone, false, bucket_};
    parameter.held_columns = size;
    parameters_.push_back(std::move(parameter));
  }
  std::vector<Parameter> take() { return std::move(parameters_); }

 private:
  const Shard shard_;
  std::vector<Parameter> parameters_;
  int bucket_ = -1;
};

}  // namespace recpo::model
