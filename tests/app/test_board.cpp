// The board of a node, and who is named from it, on 1 to 4 ranks.

#include <gtest/gtest.h>
#include <mpi.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "src/app/board.hpp"
#include "src/app/verdict.hpp"

namespace recpo::app {
namespace {

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
int world_size() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

std::string phase_of(const Slot& slot) {
  char text[Slot::kPhaseLength];
  slot.copy_phase(text);
  return text;
}

std::string line_of(const Verdict& verdict, std::int64_t now) {
  VerdictLine line;
  const std::size_t length = write_line(verdict, now, line);
  return std::string(line, length);
}

// A process that waits until it is killed.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  ~Child() { reap(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Sends a signal and waits until its effect shows; an ended child stays a zombie until reap().
  void send(int signal) {
    ::kill(pid_, signal);
    siginfo_t info{};
    const bool continues = signal == SIGCONT;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WSTOPPED | (continues ? WCONTINUED : 0) | WNOWAIT);
  }
  void reap() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Slots of living processes: this one's, made to look like ranks 0, 1, ...
std::vector<Slot> living_slots(std::size_t count, std::int64_t beat_ms) {
  std::vector<Slot> slots(count);
  const ProcessIdentity identity = own_identity();
  for (std::size_t i = 0; i < count; ++i) {
    slots[i].rank = static_cast<int>(i);
    slots[i].pid = identity.pid;
    slots[i].start_ticks = identity.start_ticks;
    slots[i].last_beat_ms = beat_ms;
  }
  return slots;
}

void give_to(const Child& child, Slot& slot) {
  slot.pid = child.pid();
  slot.start_ticks = 0;
}

TEST(ProcessState, FollowsAProcessToItsEnd) {
  Child child;
  const ProcessIdentity identity{child.pid(), 0};
  child.send(SIGSTOP);
  EXPECT_EQ(process_state(identity), 'T');
  EXPECT_TRUE(is_stopped('T'));
  EXPECT_FALSE(has_ended('T'));
  child.send(SIGCONT);
  EXPECT_FALSE(is_stopped(process_state(identity)));
  child.send(SIGKILL);
  EXPECT_EQ(process_state(identity), 'Z');
  EXPECT_TRUE(has_ended('Z'));
  child.reap();
  EXPECT_EQ(process_state(identity), kGone);
  EXPECT_TRUE(has_ended(kGone));
}

TEST(ProcessState, AnotherProcessOfTheSameNumberIsNotTheOne) {
  ProcessIdentity identity = own_identity();
  ASSERT_GT(identity.start_ticks, 0u);
  EXPECT_FALSE(has_ended(process_state(identity)));
  ++identity.start_ticks;
  EXPECT_EQ(process_state(identity), kGone);
}

TEST(Board, IsPrivateAtFirst) {
  Board board(7);
  ASSERT_EQ(board.slots().size(), 1u);
  const Slot& slot = board.slots()[0];
  EXPECT_EQ(slot.rank, 7);
  EXPECT_EQ(slot.pid, ::getpid());
  const std::int64_t before = slot.last_beat_ms;
  board.forgive(500);
  EXPECT_EQ(slot.last_beat_ms, before + 500);
  board.beat("reading\nratings");
  EXPECT_EQ(phase_of(slot), "reading ratings");
  EXPECT_GE(slot.last_beat_ms, before);
  EXPECT_LE(slot.last_beat_ms, now_ms());
  board.beat(std::string(1000, 'x').c_str());
  EXPECT_EQ(phase_of(slot), std::string(Slot::kPhaseLength - 1, 'x'));
  EXPECT_FALSE(slot.is_ending);
  board.end();
  EXPECT_TRUE(slot.is_ending);
}

TEST(Board, ShowsTheRanksOfTheNodeToEachOther) {
  Board board(99);
  board.beat("starting");
  board.share(MPI_COMM_WORLD, world_rank());
  ASSERT_EQ(board.slots().size(), static_cast<std::size_t>(world_size()));
  EXPECT_EQ(board.own_index(), static_cast<std::size_t>(world_rank()));
  EXPECT_EQ(phase_of(board.slots()[board.own_index()]), "starting");
  MPI_Barrier(MPI_COMM_WORLD);
  board.beat(("phase of " + std::to_string(world_rank())).c_str());
  if (world_rank() == 0) board.end();
  MPI_Barrier(MPI_COMM_WORLD);
  for (int rank = 0; rank < world_size(); ++rank) {
    const Slot& slot = board.slots()[static_cast<std::size_t>(rank)];
    EXPECT_EQ(slot.rank, rank);
    EXPECT_EQ(phase_of(slot), "phase of " + std::to_string(rank));
    EXPECT_EQ(slot.is_ending, rank == 0);
    EXPECT_FALSE(has_ended(process_state(slot.identity())));
  }
  EXPECT_FALSE(find_dead_rank(board.slots(), board.own_index()));
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(Board, GivesTheLastWordOnce) {
  Board board(0);
  board.share(MPI_COMM_WORLD, world_rank());
  EXPECT_EQ(board.last_word(), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  int spoken = board.claim_last_word(100 + world_rank()) ? 1 : 0;
  const int code = board.last_word();
  if (spoken == 1) {
    EXPECT_EQ(code, 100 + world_rank());
  }
  EXPECT_GE(code, 100);
  MPI_Allreduce(MPI_IN_PLACE, &spoken, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(spoken, 1);
}

TEST(Board, KeepsNodesApart) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &node);
  Board board(0);
  board.share(node, world_rank());
  int size = 0;
  MPI_Comm_size(node, &size);
  ASSERT_EQ(board.slots().size(), static_cast<std::size_t>(size));
  for (const Slot& slot : board.slots()) EXPECT_EQ(slot.rank % 2, world_rank() % 2);
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() == 0) {
    EXPECT_TRUE(board.claim_last_word(1));
  }
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_EQ(board.last_word(), world_rank() % 2 == 0 ? 1 : 0);
  MPI_Comm_free(&node);
}

TEST(Board, LeavesNoFileAndNoDescriptor) {
  const auto count = [](const char* folder) {
    const std::filesystem::directory_iterator files(folder);
    return std::distance(begin(files), end(files));
  };
  const auto has_board = [] {
    for (const auto& file : std::filesystem::directory_iterator("/dev/shm")) {
      if (file.path().filename().string().find("recpo") != std::string::npos) return true;
    }
    return false;
  };
  const auto open_files = count("/proc/self/fd");
  Board board(0);
  board.share(MPI_COMM_WORLD, world_rank());
  EXPECT_EQ(count("/proc/self/fd"), open_files);
  EXPECT_FALSE(has_board());
}

TEST(Verdict, NamesARankThatVanishedInsideItsPhase) {
  Child child;
  std::vector<Slot> slots = living_slots(3, 0);
  give_to(child, slots[2]);
  const std::string phase = "saving a checkpoint";
  std::copy(phase.begin(), phase.end(), slots[2].phase);
  EXPECT_FALSE(find_dead_rank(slots, 0));
  child.send(SIGKILL);
  for (int is_reaped = 0; is_reaped < 2; ++is_reaped) {
    for (std::size_t looking : {0u, 1u}) {
      const auto verdict = find_dead_rank(slots, looking);
      ASSERT_TRUE(verdict);
      EXPECT_EQ(line_of(*verdict, 0),
                "recpo: error: rank 2 died in phase 'saving a checkpoint' (killed? out of memory?): start the same "
                "command again to continue from the newest checkpoint\n");
    }
    child.reap();
  }
  slots[2].is_ending = true;
  EXPECT_FALSE(find_dead_rank(slots, 0));
}

TEST(Verdict, OfManyRanksOneLooksAtEachDeadOne) {
  Child child;
  std::vector<Slot> slots = living_slots(64, 0);
  give_to(child, slots[3]);
  child.reap();
  int lookers = 0;
  for (std::size_t rank = 0; rank < slots.size(); ++rank) lookers += find_dead_rank(slots, rank) ? 1 : 0;
  EXPECT_GE(lookers, 2);
  EXPECT_LE(lookers, 16);
}

TEST(Verdict, NamesTheEarliestHeartbeat) {
  std::vector<Slot> slots = living_slots(4, 10'000);
  slots[1].last_beat_ms = 9'000;
  slots[2].last_beat_ms = 8'900;
  EXPECT_FALSE(find_hanging_rank(slots, 11'000, 2'100));
  const auto verdict = find_hanging_rank(slots, 11'001, 2'100);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->culprit, &slots[2]);
  EXPECT_NE(line_of(*verdict, 11'001).find("rank 2 hangs: no progress for 2 s in phase ''"), std::string::npos);
}

TEST(Verdict, AStoppedRankGoesBeforeOnesThatWaitForIt) {
  Child child;
  std::vector<Slot> slots = living_slots(3, 10'000);
  slots[0].last_beat_ms = 9'000;  // came to the wait before the other one was stopped
  give_to(child, slots[1]);
  child.send(SIGSTOP);
  EXPECT_FALSE(find_hanging_rank(slots, 10'500, 1'800));
  const auto verdict = find_hanging_rank(slots, 11'000, 1'800);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->culprit, &slots[1]);
  EXPECT_NE(line_of(*verdict, 11'000).find("(run.watchdog_seconds); it is stopped\n"), std::string::npos);
}

TEST(Verdict, ARankThatHasLeftDoesNotHang) {
  Child child;
  std::vector<Slot> slots = living_slots(2, 10'000);
  give_to(child, slots[1]);
  slots[1].last_beat_ms = 1'000;
  slots[1].is_ending = true;
  EXPECT_TRUE(find_hanging_rank(slots, 10'000, 600));  // it ends, but is still there
  child.reap();
  EXPECT_FALSE(find_hanging_rank(slots, 10'000, 600));
}

}  // namespace
}  // namespace recpo::app
