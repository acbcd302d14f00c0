#pragma once
// What a failing call says: exit code and message in one text, "65: u.data:3: ...", "" when it does not fail.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "src/support/check.hpp"

namespace recpo {

template <class Action>
std::string failure_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return fmt::format("{}: {}", static_cast<int>(error.code()), error.what());
  }
  return "";
}

// Fails with `code`, in one line that holds every one of `parts`.
template <class Action>
void expect_failure(int code, std::initializer_list<std::string> parts, const Action& action) {
  const std::string failure = failure_of(action);
  EXPECT_TRUE(failure.starts_with(fmt::format("{}: ", code))) << failure;
  EXPECT_EQ(failure.find('\n'), std::string::npos) << failure;
  for (const std::string& part : parts) EXPECT_NE(failure.find(part), std::string::npos) << part << " in: " << failure;
}

}  // namespace recpo
