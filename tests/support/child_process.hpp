#pragma once
// Work in a process of its own, for what would change or end this one: signals, standard streams, limits.

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace recpo {

// Whether `holds` there; an exception, or a signal that ends the process, says no.
inline bool in_child(const std::function<bool()>& holds) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    bool held = false;
    try {
      held = holds();
    } catch (...) {
    }
    ::_exit(held ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace recpo
