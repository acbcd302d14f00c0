#pragma once
// Equal work dealt to the ranks of an axis: rank r of R takes items [n r / R, n (r + 1) / R).

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

struct Share {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

inline Share share_of(std::size_t n, const Communicator& axis) {
  const auto rank = static_cast<std::size_t>(axis.rank()), ranks = static_cast<std::size_t>(axis.size());
  return {n * rank / ranks, n * (rank + 1) / ranks};
}

}  // namespace recpo::parallel
