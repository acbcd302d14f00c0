#include "src/app/process_state.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace recpo::app {
namespace {

struct StatLine {
  char state = kUnknown;
  std::uint64_t start_ticks = 0;
};

StatLine parse_stat(std::string_view line) {
  constexpr int kFieldsToStart = 19;             // from the state, field 3, to the start time, field 22
  const std::size_t name_end = line.rfind(')');  // a program's name may hold anything, ") R" included
  if (name_end == line.npos || name_end + 2 >= line.size()) return {};
  std::string_view rest = line.substr(name_end + 2);
  StatLine result{rest[0], 0};
  for (int field = 0; field < kFieldsToStart; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == rest.npos) return {};
    rest.remove_prefix(blank + 1);
  }
  std::from_chars(rest.data(), rest.data() + rest.size(), result.start_ticks);
  return result;
}

StatLine read_stat(pid_t pid) {
  char path[32], text[1024];  // a line has about 300 characters
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t length = ::read(file, text, sizeof text);
  ::close(file);
  return parse_stat({text, static_cast<std::size_t>(std::max<ssize_t>(length, 0))});
}

}  // namespace

ProcessIdentity own_identity() { return {::getpid(), read_stat(::getpid()).start_ticks}; }

char process_state(const ProcessIdentity& process) {
  if (::kill(process.pid, 0) != 0 && errno == ESRCH) return kGone;
  const StatLine line = read_stat(process.pid);
  const bool is_other = line.start_ticks != 0 && process.start_ticks != 0 && line.start_ticks != process.start_ticks;
  return is_other ? kGone : line.state;
}

bool has_ended(char state) { return state == kGone || state == 'Z' || state == 'X'; }

bool is_stopped(char state) { return state == 'T' || state == 't'; }

const char* state_text(char state) {
  switch (state) {
    case 'R':
      return "it computes, or waits for another rank";
    case 'S':
    case 'I':
      return "it sleeps";
    case 'D':
      return "it waits for a disk or a file system";
    case 'T':
      return "it is stopped";
    case 't':
      return "a debugger has stopped it";
    default:
      return has_ended(state) ? "its process has ended" : "the state of its process is not known";
  }
}

}  // namespace recpo::app
