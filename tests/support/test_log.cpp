// The line of a progress bar: it fits the terminal, whatever its parts.

#include <gtest/gtest.h>

#include <algorithm>

#include "src/support/log.hpp"

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

}  // namespace
}  // namespace recpo
