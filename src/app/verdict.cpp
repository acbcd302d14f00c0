#include "src/app/verdict.hpp"

#include <algorithm>
#include <cstdio>

namespace recpo::app {
namespace {
constexpr std::size_t kLookedAt = 8;
}

std::optional<Verdict> find_dead_rank(std::span<const Slot> slots, std::size_t looking) {
  const std::size_t count = std::min(kLookedAt, slots.size() - 1);
  for (std::size_t i = 1; i <= count; ++i) {
    const Slot& slot = slots[(looking + i) % slots.size()];
    const char state = slot.is_ending ? kUnknown : process_state(slot.identity());
    // Its process may have marked the slot as its last act, after the first look.
    if (has_ended(state) && !slot.is_ending) return Verdict{true, &slot, state};
  }
  return std::nullopt;
}

std::optional<Verdict> find_hanging_rank(std::span<const Slot> slots, std::int64_t now_ms, double limit_ms) {
  const auto is_late = [&](const Slot& slot) { return static_cast<double>(now_ms - slot.last_beat_ms) > limit_ms; };
  if (std::none_of(slots.begin(), slots.end(), is_late)) return std::nullopt;
  std::optional<Verdict> earliest;
  bool any_late = false;  // of those that are there: a rank that has left in order keeps its last heartbeat
  for (const Slot& slot : slots) {
    const char state = process_state(slot.identity());
    if (has_ended(state)) continue;
    any_late = any_late || is_late(slot);
    const bool goes_before =
        !earliest || is_stopped(state) > is_stopped(earliest->state) ||
        (is_stopped(state) == is_stopped(earliest->state) && slot.last_beat_ms < earliest->culprit->last_beat_ms);
    if (goes_before) earliest = Verdict{false, &slot, state};
  }
  return any_late ? earliest : std::nullopt;
}

std::size_t write_line(const Verdict& verdict, std::int64_t now_ms, VerdictLine& line) {
  const Slot& slot = *verdict.culprit;
  char phase[Slot::kPhaseLength];
  slot.copy_phase(phase);
  int length = 0;
  if (verdict.has_died) {
    length = std::snprintf(line, sizeof line,
                           "recpo: error: rank %d died in phase '%s' (killed? out of memory?): start the same command "
                           "again to continue from the newest checkpoint\n",
                           slot.rank.load(), phase);
  } else {
    const double seconds = static_cast<double>(now_ms - slot.last_beat_ms) / 1000;
    length = std::snprintf(line, sizeof line,
                           "recpo: error: rank %d hangs: no progress for %.0f s in phase '%s' (run.watchdog_seconds); "
                           "%s\n",
                           slot.rank.load(), seconds, phase, state_text(verdict.state));
  }
  return std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof line - 1);
}

}  // namespace recpo::app
