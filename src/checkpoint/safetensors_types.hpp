#pragma once
// Which storage type of the model is which element type of a file: where both are the same, bytes are copied as they
// are. Apart from safetensors.hpp, so that reading a header needs no Kokkos.

#include <string>
#include <type_traits>

#include "src/support/bfloat16.hpp"

namespace recpo::checkpoint {

template <class T>
bool is_stored_as(const std::string& dtype) {
  return (std::is_same_v<T, float> && dtype == "F32") || (std::is_same_v<T, Bfloat16> && dtype == "BF16");
}

}  // namespace recpo::checkpoint
