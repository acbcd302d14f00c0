#pragma once
// "The same bits for any number of threads", tried: the same work on execution spaces of 1, 2, 3 and 5 threads of one
// process. On a device, where the number of threads is the kernel's own choice, repeated runs must agree.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::test {

// An instance of any execution space; the number of threads applies where a space has that choice.
template <class Space = ExecSpace>
Space space_with_threads(int threads) {
  if constexpr (std::is_constructible_v<Space, int> && kOnHost) {
    return Space(threads);
  } else {
    return Space();
  }
}

// run(exec) gives the result's memory.
template <class T>
void expect_same_bits(const std::function<std::vector<T>(const ExecSpace&)>& run) {
  const std::vector<T> alone = run(space_with_threads(1));
  for (const int threads : {2, 3, 5}) {
    const std::vector<T> together = run(space_with_threads(threads));
    ASSERT_EQ(alone.size(), together.size());
    EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(T)), 0)
        << "other bits with " << threads << " threads";
  }
}

}  // namespace recpo::test
