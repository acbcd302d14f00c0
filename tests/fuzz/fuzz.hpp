#pragma once
// What every target shares: a reader of untrusted bytes either accepts them or refuses them with kBadInput (decks and
// what is written like them: kUsage), in one line that begins with the name of the source. Anything else (another
// exception, a broken invariant, a report of a sanitizer, a leak, an input over the limits of time and memory) ends the
// process, which libFuzzer records.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::fuzz {

constexpr const char* kSource = "fuzz.file";
inline const bool kIsSilent = (log::initialize(false), true);  // bad lines are warned of

// Unlike an exception that nobody catches, says what was expected.
inline void expect(bool holds, const char* what, const char* message = "") {
  if (holds) return;
  std::fprintf(stderr, "expected: %s; got: %s\n", what, message);
  std::abort();
}

// For readers of files: one in the current folder, which is the target's own (run.py).
inline std::filesystem::path write_input(std::string_view bytes, const std::filesystem::path& path = kSource) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

template <class Reader>
int read(const std::uint8_t* data, std::size_t size, Reader reader, ExitCode refusal = ExitCode::kBadInput) {
  try {
    reader(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const Error& error) {
    const std::string_view message = error.what();
    expect(error.code() == refusal, "the exit code of bad input", error.what());
    expect(message.starts_with(kSource), "a message that begins with the source", error.what());
    expect(message.find('\n') == message.npos, "a message of one line", error.what());
  }
  return 0;
}

}  // namespace recpo::fuzz
