#pragma once
// Who of the ranks on a board keeps the job from going on, and the line that says so. No lock, no memory.

#include <cstdint>
#include <optional>
#include <span>

#include "src/app/board.hpp"

namespace recpo::app {

struct Verdict {
  bool has_died;
  const Slot* culprit;
  char state;  // of the culprit's process
};

// A rank whose process has ended although it did not say that it leaves. Rank `looking` (an index of `slots`) looks at
// the ranks that follow it, so that many ranks on a node are no work: each is looked at by several.
std::optional<Verdict> find_dead_rank(std::span<const Slot> slots, std::size_t looking);

// When any rank that is there has made no progress for more than `limit_ms`: of those that are stopped, or else of all,
// the one whose last heartbeat is the earliest. The others wait for it, and have come as far as to do so.
std::optional<Verdict> find_hanging_rank(std::span<const Slot> slots, std::int64_t now_ms, double limit_ms);

// "recpo: error: rank 2 hangs: ..." with a line feed; returns its length.
using VerdictLine = char[384];
std::size_t write_line(const Verdict& verdict, std::int64_t now_ms, VerdictLine& line);

}  // namespace recpo::app
