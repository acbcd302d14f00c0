#include "src/support/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "src/support/check.hpp"

namespace recpo {

void reserve_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number, which is this one. Reading from the first and writing to the others stay errors.
    const int mode = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (const int file = ::open("/dev/null", mode); file > STDERR_FILENO) ::close(file);
  }
}

namespace {
// Bytes of the character at the beginning of `text` that may be shown as they are; 0: the first byte may not.
std::size_t shown_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool is_control = byte(0) == 0xc2 && byte(1) < 0xa0;  // U+0080 to U+009F, which some terminals obey
  return is_control ? 0 : length;
}
}  // namespace

std::string printable(std::string_view text, std::string_view allowed) {
  std::string shown;
  while (!text.empty()) {
    const bool is_allowed = allowed.find(text.front()) != std::string_view::npos;
    const std::size_t bytes = is_allowed ? 1 : shown_bytes(text);
    if (bytes == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else {
      shown += text.substr(0, bytes);
    }
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return shown;
}

void write_message(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void write_result(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int reason = errno;
  std::clearerr(stdout);
  throw_write("cannot write to standard output: {}", std::strerror(reason));
}

}  // namespace recpo
