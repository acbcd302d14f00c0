// The line of a progress bar: it fits the terminal, whatever its parts. Streams that cannot be written.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/standard_streams.hpp"
#include "tests/support/child_process.hpp"

namespace recpo {
namespace {
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

const ProgressLine kLine = {"stage 3 of 7, sft", "120/700 steps", "41 s left", "run at least 2:10", "loss 1.234", 0.5};

TEST(ProgressText, LosesPartsWithTheRoom) {
  EXPECT_EQ(progress_text(kLine, 200),
            "stage 3 of 7, sft ████████████░░░░░░░░░░░░ 120/700 steps  41 s left, run at least 2:10  loss 1.234");
  EXPECT_EQ(progress_text(kLine, 80),
            "stage 3 of 7, sft ███░░░ 120/700 steps  41 s left, run at least 2:10  loss 1.234");
  EXPECT_EQ(progress_text(kLine, 75), "stage 3 of 7, sft: 120/700 steps  41 s left, run at least 2:10  loss 1.234");
  EXPECT_EQ(progress_text(kLine, 60), "stage 3 of 7, sft: 120/700 steps  41 s left  loss 1.234");
  EXPECT_EQ(progress_text(kLine, 45), "stage 3 of 7, sft: 120/700 steps  41 s left");
  EXPECT_EQ(progress_text(kLine, 10), "stage 3 o…");
  EXPECT_EQ(progress_text(kLine, 0),
            "stage 3 of 7, sft: 120/700 steps (50 %)  41 s left, run at least 2:10  loss 1.234");
}

TEST(ProgressText, FitsAnyTerminal) {
  ProgressLine line = kLine;
  line.title = "load /café/é/é/é";
  for (std::size_t columns = 1; columns < 130; ++columns) EXPECT_LE(columns_of(progress_text(line, columns)), columns);
  EXPECT_EQ(progress_text(line, 10), "load /caf…");
  EXPECT_EQ(progress_text(line, 11), "load /café…");
}

TEST(Printable, ShowsControlCharactersOfForeignText) {
  EXPECT_EQ(printable("Amélie, 千と千尋 😀"), "Amélie, 千と千尋 😀");
  EXPECT_EQ(printable("\x1b[2J\a\x7f\r\n"), "\\x1b[2J\\x07\\x7f\\x0d\\x0a");
  EXPECT_EQ(printable("a\tb\nc\r", "\n\t"), "a\tb\nc\\x0d");
  EXPECT_EQ(printable("\xc2\x9b\x33m\xc2\xa0"), "\\xc2\\x9b3m\xc2\xa0");        // CSI in one character
  EXPECT_EQ(printable("\x9b\x31m \xe9 \xf0\x9f"), "\\x9b1m \\xe9 \\xf0\\x9f");  // not UTF-8, cut
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
}

// Nothing can be written to it: there is no room.
void fill(int stream) { ::dup2(::open("/dev/full", O_WRONLY | O_CLOEXEC), stream); }

TEST(StandardStreams, MessagesThatCannotBeWrittenAreLost) {
  EXPECT_TRUE(in_child([] {
    fill(STDERR_FILENO);
    log::initialize(true);
    log::info("a line");
    log::warn("another");
    write_message("a third");
    Progress progress("work", 3, "parts");
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // nothing is shown before
    progress.advance();
    return true;  // and the end is drawn
  }));
}

TEST(StandardStreams, ResultsThatCannotBeWrittenAreErrors) {
  const auto fails = [] {
    try {
      write_result("a result\n");
    } catch (const Error& error) {
      return error.code() == ExitCode::kCannotWrite;
    }
    return false;
  };
  EXPECT_TRUE(in_child([&] {
    fill(STDOUT_FILENO);
    return fails() && fails();
  }));
  EXPECT_TRUE(in_child([&] {
    ::close(STDOUT_FILENO);
    reserve_standard_streams();
    return fails();
  }));
  EXPECT_TRUE(in_child([&] { return !fails(); }));
}

TEST(StandardStreams, NoFileOfTheProgramTakesAClosedOnesPlace) {
  EXPECT_TRUE(in_child([] {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(stream);
    reserve_standard_streams();
    return ::open("/dev/null", O_RDWR | O_CLOEXEC) > STDERR_FILENO;
  }));
}

}  // namespace
}  // namespace recpo
