// The heartbeat table of a node, and the rank that is named from it, on 1 to 4 ranks.

#include <gtest/gtest.h>
#include <mpi.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "src/process/heartbeat_table.hpp"
#include "src/process/watchdog.hpp"

namespace recpo::process {
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

std::string phase_of(const HeartbeatEntry& entry) {
  char text[HeartbeatEntry::kPhaseLength];
  entry.copy_phase(text);
  return text;
}

std::string line_of(const RankFailure& failure, std::int64_t now) {
  FailureLine line;
  const std::size_t length = write_line(failure, now, line);
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
std::vector<HeartbeatEntry> living_entries(std::size_t count, std::int64_t beat_ms) {
  std::vector<HeartbeatEntry> entries(count);
  const ProcessIdentity identity = own_identity();
  for (std::size_t i = 0; i < count; ++i) {
    entries[i].rank = static_cast<int>(i);
    entries[i].pid = identity.pid;
    entries[i].start_ticks = identity.start_ticks;
    entries[i].last_beat_ms = beat_ms;
  }
  return entries;
}

void give_to(const Child& child, HeartbeatEntry& entry) {
  entry.pid = child.pid();
  entry.start_ticks = 0;
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

TEST(HeartbeatTable, IsPrivateAtFirst) {
  HeartbeatTable table(7);
  ASSERT_EQ(table.entries().size(), 1u);
  const HeartbeatEntry& entry = table.entries()[0];
  EXPECT_EQ(entry.rank, 7);
  EXPECT_EQ(entry.pid, ::getpid());
  const std::int64_t before = entry.last_beat_ms;
  table.forgive(500);
  EXPECT_EQ(entry.last_beat_ms, before + 500);
  table.beat("reading\nratings");
  EXPECT_EQ(phase_of(entry), "reading ratings");
  EXPECT_GE(entry.last_beat_ms, before);
  EXPECT_LE(entry.last_beat_ms, now_ms());
  table.beat(std::string(1000, 'x').c_str());
  EXPECT_EQ(phase_of(entry), std::string(HeartbeatEntry::kPhaseLength - 1, 'x'));
  EXPECT_FALSE(entry.is_ending);
  table.end();
  EXPECT_TRUE(entry.is_ending);
}

TEST(HeartbeatTable, ShowsTheRanksOfTheNodeToEachOther) {
  HeartbeatTable table(99);
  table.beat("starting");
  table.share(MPI_COMM_WORLD, world_rank());
  ASSERT_EQ(table.entries().size(), static_cast<std::size_t>(world_size()));
  EXPECT_EQ(table.own_index(), static_cast<std::size_t>(world_rank()));
  EXPECT_EQ(phase_of(table.entries()[table.own_index()]), "starting");
  MPI_Barrier(MPI_COMM_WORLD);
  table.beat(("phase of " + std::to_string(world_rank())).c_str());
  if (world_rank() == 0) table.end();
  MPI_Barrier(MPI_COMM_WORLD);
  for (int rank = 0; rank < world_size(); ++rank) {
    const HeartbeatEntry& entry = table.entries()[static_cast<std::size_t>(rank)];
    EXPECT_EQ(entry.rank, rank);
    EXPECT_EQ(phase_of(entry), "phase of " + std::to_string(rank));
    EXPECT_EQ(entry.is_ending, rank == 0);
    EXPECT_FALSE(has_ended(process_state(entry.identity())));
  }
  EXPECT_FALSE(find_dead_rank(table.entries(), table.own_index()));
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(HeartbeatTable, HasOneReporter) {
  HeartbeatTable table(0);
  table.share(MPI_COMM_WORLD, world_rank());
  EXPECT_EQ(table.reporter_exit_code(), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  int claimed = table.claim_reporter(100 + world_rank()) ? 1 : 0;
  const int code = table.reporter_exit_code();
  if (claimed == 1) {
    EXPECT_EQ(code, 100 + world_rank());
  }
  EXPECT_GE(code, 100);
  MPI_Allreduce(MPI_IN_PLACE, &claimed, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(claimed, 1);
}

TEST(HeartbeatTable, KeepsNodesApart) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &node);
  HeartbeatTable table(0);
  table.share(node, world_rank());
  int size = 0;
  MPI_Comm_size(node, &size);
  ASSERT_EQ(table.entries().size(), static_cast<std::size_t>(size));
  for (const HeartbeatEntry& entry : table.entries()) EXPECT_EQ(entry.rank % 2, world_rank() % 2);
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() == 0) {
    EXPECT_TRUE(table.claim_reporter(1));
  }
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_EQ(table.reporter_exit_code(), world_rank() % 2 == 0 ? 1 : 0);
  MPI_Comm_free(&node);
}

TEST(HeartbeatTable, LeavesNoFileAndNoDescriptor) {
  const auto count = [](const char* folder) {
    const std::filesystem::directory_iterator files(folder);
    return std::distance(begin(files), end(files));
  };
  const auto has_table_file = [] {
    for (const auto& file : std::filesystem::directory_iterator("/dev/shm")) {
      if (file.path().filename().string().find("recpo") != std::string::npos) return true;
    }
    return false;
  };
  const auto open_files = count("/proc/self/fd");
  HeartbeatTable table(0);
  table.share(MPI_COMM_WORLD, world_rank());
  EXPECT_EQ(count("/proc/self/fd"), open_files);
  EXPECT_FALSE(has_table_file());
}

TEST(RankFailure, NamesARankThatVanishedInsideItsPhase) {
  Child child;
  std::vector<HeartbeatEntry> entries = living_entries(3, 0);
  give_to(child, entries[2]);
  const std::string phase = "saving a checkpoint";
  std::copy(phase.begin(), phase.end(), entries[2].phase);
  EXPECT_FALSE(find_dead_rank(entries, 0));
  child.send(SIGKILL);
  for (int is_reaped = 0; is_reaped < 2; ++is_reaped) {
    for (std::size_t looking : {0u, 1u}) {
      const auto failure = find_dead_rank(entries, looking);
      ASSERT_TRUE(failure);
      EXPECT_EQ(line_of(*failure, 0),
                "recpo: error: rank 2 died in phase 'saving a checkpoint' (killed? out of memory?): start the same "
                "command again to continue from the newest checkpoint\n");
    }
    child.reap();
  }
  entries[2].is_ending = true;
  EXPECT_FALSE(find_dead_rank(entries, 0));
}

TEST(RankFailure, OfManyRanksOneLooksAtEachDeadOne) {
  Child child;
  std::vector<HeartbeatEntry> entries = living_entries(64, 0);
  give_to(child, entries[3]);
  child.reap();
  int lookers = 0;
  for (std::size_t rank = 0; rank < entries.size(); ++rank) lookers += find_dead_rank(entries, rank) ? 1 : 0;
  EXPECT_GE(lookers, 2);
  EXPECT_LE(lookers, 16);
}

TEST(RankFailure, NamesTheEarliestHeartbeat) {
  std::vector<HeartbeatEntry> entries = living_entries(4, 10'000);
  entries[1].last_beat_ms = 9'000;
  entries[2].last_beat_ms = 8'900;
  EXPECT_FALSE(find_hanging_rank(entries, 11'000, 2'100));
  const auto failure = find_hanging_rank(entries, 11'001, 2'100);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->culprit, &entries[2]);
  EXPECT_NE(line_of(*failure, 11'001).find("rank 2 hangs: no progress for 2 s in phase ''"), std::string::npos);
}

TEST(RankFailure, AStoppedRankGoesBeforeOnesThatWaitForIt) {
  Child child;
  std::vector<HeartbeatEntry> entries = living_entries(3, 10'000);
  entries[0].last_beat_ms = 9'000;  // came to the wait before the other one was stopped
  give_to(child, entries[1]);
  child.send(SIGSTOP);
  EXPECT_FALSE(find_hanging_rank(entries, 10'500, 1'800));
  const auto failure = find_hanging_rank(entries, 11'000, 1'800);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->culprit, &entries[1]);
  EXPECT_NE(line_of(*failure, 11'000).find("(run.watchdog_seconds); it is stopped\n"), std::string::npos);
}

TEST(RankFailure, ARankThatHasLeftDoesNotHang) {
  Child child;
  std::vector<HeartbeatEntry> entries = living_entries(2, 10'000);
  give_to(child, entries[1]);
  entries[1].last_beat_ms = 1'000;
  entries[1].is_ending = true;
  EXPECT_TRUE(find_hanging_rank(entries, 10'000, 600));  // it ends, but is still there
  child.reap();
  EXPECT_FALSE(find_hanging_rank(entries, 10'000, 600));
}

}  // namespace
}  // namespace recpo::process
