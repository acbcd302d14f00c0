#pragma once
// Dropout (Srivastava et al. 2014) with a mask that is a pure function of a key for each row (token), a salt for each
// place in the network and the column, so that it is the same when computed again and on any number of ranks:
//   keep(t, c) = hash(key[t], salt, first_column + c) >= probability,   y = keep ? x / (1 - probability) : 0.

#include "src/support/random.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

struct DropoutMask {
  Vector<const int> key;  // [T]
  std::uint64_t salt = 0;
  double probability = 0;         // in [0, 1)
  std::int64_t first_column = 0;  // of the whole width that column 0 here is
};

// x [T, H], y [T, H] (assigned)
template <class T>
void dropout_forward(const ExecSpace& exec, const DropoutMask& mask, Matrix<const T> x, Matrix<T> y);

// dx += dy where kept, / (1 - probability)
template <class T>
void dropout_backward(const ExecSpace& exec, const DropoutMask& mask, Matrix<const T> dy, Matrix<T> dx);

// The same function for tests and other hosts: whether (key, column) is kept.
KOKKOS_INLINE_FUNCTION std::uint64_t dropout_hash(int key, std::uint64_t salt, std::int64_t column) {
  std::uint64_t z = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(key)) << 32) ^ salt;
  for (int round = 0; round < 2; ++round) {
    z = mix_bits(z + 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(round == 0 ? 1 : column + 1));
  }
  return z;
}

}  // namespace recpo::kernels
