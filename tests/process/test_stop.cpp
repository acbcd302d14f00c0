// Signals become flags and times, and the wall-time limit leaves room for a checkpoint.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <thread>

#include "src/process/stop.hpp"
#include "tests/support/child_process.hpp"

namespace recpo::process {
namespace {

bool with_handlers(const std::function<bool()>& holds) {
  return in_child([&] {
    install_signal_handlers();
    return holds();
  });
}

TEST(StopSignal, IsNotedAndEndsNothing) {
  for (const int signal : {SIGUSR1, SIGTERM, SIGHUP, SIGINT}) {
    EXPECT_TRUE(with_handlers([&] {
      const bool before = stop_signal_received();
      ::raise(signal);
      return !before && stop_signal_received();
    })) << signal;
  }
  for (const int signal : {SIGXFSZ, SIGPIPE, SIGCONT}) {
    EXPECT_TRUE(with_handlers([&] { return ::raise(signal) == 0 && !stop_signal_received(); })) << signal;
  }
}

TEST(StopSignal, ASecondInterruptEndsTheProgram) {
  EXPECT_FALSE(with_handlers([] { return ::raise(SIGINT) == 0 && ::raise(SIGINT) == 0; }));
}

TEST(StopSignal, AHangupThatIsIgnoredStaysSo) {
  EXPECT_TRUE(in_child([] {
    ::signal(SIGHUP, SIG_IGN);  // nohup
    install_signal_handlers();
    return ::raise(SIGHUP) == 0 && !stop_signal_received();
  }));
}

TEST(StopSignal, TimeOfALaunchersSignalIsKnown) {
  EXPECT_TRUE(with_handlers([] {
    ::raise(SIGUSR1);  // a user's or a scheduler's: no launcher is about to kill
    return !ms_since_launcher_signal();
  }));
  for (const int signal : {SIGTERM, SIGHUP, SIGCONT}) {
    EXPECT_TRUE(with_handlers([&] {
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

TEST(StopClock, KeepsWhatTheNextStepAndSaveTake) {
  const StopClock clock(3600.0);
  EXPECT_FALSE(clock.expired(3400));
  EXPECT_TRUE(clock.expired(3500));  // two minutes are left to it anyway
}

}  // namespace
}  // namespace recpo::process
