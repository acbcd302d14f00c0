#include "src/support/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

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
