#pragma once
// What the kernel tells of a process of this node: is it still the one it was, and what does it do. Reads /proc with
// system calls alone: no lock and no memory, so that it works whatever the other threads of this process hold.

#include <sys/types.h>

#include <cstdint>

namespace recpo::app {

// A process number may be given to another process later; number and start time together are unique until the reboot.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since the boot of the machine; 0: not known (no /proc)
};

ProcessIdentity own_identity();

// The state letter of /proc/PID/stat for the process's first thread, see proc(5): R computes, S and D wait, T is
// stopped, Z has ended. kGone when the process is not there or another one has its number; kUnknown when /proc cannot
// say, although the process may be there.
constexpr char kGone = '-', kUnknown = '?';
char process_state(const ProcessIdentity& process);

// Ended: gone, or a zombie. `unknown` counts as there.
bool has_ended(char state);

// Stopped by a signal or a debugger: makes no progress whatever the other ranks do.
bool is_stopped(char state);

// A clause for a message: "it is stopped".
const char* state_text(char state);

}  // namespace recpo::app
