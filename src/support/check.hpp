#pragma once
// Errors. Every failure a user can meet is an `Error` that carries the exit code of the program and a one-line
// message saying what is wrong, where (file, line, key) and what would be right. Library code throws; only
// src/main.cpp turns an Error into an exit code, so that a message appears once and a rank never exits alone.

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace recpo {

enum class ExitCode : int {
  kDone = 0,
  kUsage = 64,        // command line or deck
  kBadInput = 65,     // data or model file, named
  kInternal = 70,     // a broken invariant of the program itself
  kCannotWrite = 73,  // full disk, quota, permissions
  kStopped = 75,      // stopped in order with a complete checkpoint: submit again
  kNumerics = 76,     // non-finite loss or gradient
  kWatchdog = 86,     // a rank hangs
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <class... Args>
[[noreturn]] void throw_error(ExitCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// The three families a user sees most. Usage: throw_input("{}:{}: rating {} is not a number", file, line, text).
template <class... Args>
[[noreturn]] void throw_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw_error(ExitCode::kUsage, format, std::forward<Args>(args)...);
}
template <class... Args>
[[noreturn]] void throw_input(fmt::format_string<Args...> format, Args&&... args) {
  throw_error(ExitCode::kBadInput, format, std::forward<Args>(args)...);
}
template <class... Args>
[[noreturn]] void throw_write(fmt::format_string<Args...> format, Args&&... args) {
  throw_error(ExitCode::kCannotWrite, format, std::forward<Args>(args)...);
}

[[noreturn]] inline void throw_broken_invariant(const char* condition, const char* file, int line) {
  throw Error(ExitCode::kInternal, fmt::format("internal error at {}:{}: {} does not hold", file, line, condition));
}

}  // namespace recpo

// An invariant of the program itself (never of its input). Always checked; costs one branch.
#define RECPO_REQUIRE(condition) \
  ((condition) ? static_cast<void>(0) : ::recpo::throw_broken_invariant(#condition, __FILE__, __LINE__))
