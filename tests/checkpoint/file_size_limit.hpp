#pragma once
// A stand-in for a full disk: files may not grow beyond a size.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdint>

namespace recpo::checkpoint {

// Writing beyond `bytes` fails while `action` runs, which must not throw or assert.
template <class Action>
void with_file_size_limit(std::uint64_t bytes, Action action) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  action();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

}  // namespace recpo::checkpoint
