// Signals become flags and times, and the wall-time limit leaves room for a checkpoint.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "src/process/stop.hpp"

namespace recpo::process {
namespace {

// Whether `holds` in a process of its own with the handlers installed; a signal that ends that process says no.
bool in_child(const std::function<bool()>& holds) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    install_signal_handlers();
    ::_exit(holds() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(StopSignal, IsNotedAndEndsNothing) {
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT}) {
    EXPECT_TRUE(in_child([&] {
      const bool before = stop_signal_received();
      ::raise(signal);
      return !before && stop_signal_received();
    })) << signal;
  }
  for (const int signal : {SIGXFSZ, SIGPIPE, SIGCONT}) {
    EXPECT_TRUE(in_child([&] { return ::raise(signal) == 0 && !stop_signal_received(); })) << signal;
  }
}

TEST(StopSignal, ASecondInterruptEndsTheProgram) {
  EXPECT_FALSE(in_child([] { return ::raise(SIGINT) == 0 && ::raise(SIGINT) == 0; }));
}

TEST(StopSignal, TimeOfALaunchersSignalIsKnown) {
  EXPECT_TRUE(in_child([] {
    ::raise(SIGUSR1);  // a user's or a scheduler's: no launcher is about to kill
    return !ms_since_launcher_signal();
  }));
  for (const int signal : {SIGTERM, SIGCONT}) {
    EXPECT_TRUE(in_child([&] {
      ::raise(signal);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const auto since = ms_since_launcher_signal();
      return since && *since >= 20 && *since < 10'000;
    })) << signal;
  }
}

TEST(StopClock, ExpiresATenthBeforeTheLimit) {
  EXPECT_FALSE(StopClock(std::nullopt).expired());
  EXPECT_FALSE(StopClock(3600.0).expired());
  EXPECT_TRUE(StopClock(0.0).expired());
  const StopClock clock(1.0);
  while (clock.elapsed_seconds() < 0.9) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(clock.expired());
}

}  // namespace
}  // namespace recpo::process
