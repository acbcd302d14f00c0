#include "src/process/heartbeat_table.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <new>
#include <string_view>

#include "src/support/check.hpp"

namespace recpo::process {

static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<char>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// Laid out the same in every process: this head, then the entries.
struct HeartbeatTable::Layout {
  alignas(64) std::atomic<int> reporter_exit_code{0};
  int num_entries;

  explicit Layout(int entries) : num_entries(entries) {
    for (int i = 0; i < entries; ++i) new (this->entries() + i) HeartbeatEntry();
  }
  HeartbeatEntry* entries() { return reinterpret_cast<HeartbeatEntry*>(this + 1); }
  static std::size_t bytes(int entries) {
    return sizeof(Layout) + static_cast<std::size_t>(entries) * sizeof(HeartbeatEntry);
  }
};

namespace {

void* map(std::size_t bytes, int file) {
  const int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// Where the first rank of the node holds the memory open.
struct Source {
  int pid = 0, file = -1;
};

// A file without a name, which other processes of the same user open through /proc.
int create_file(std::size_t bytes) {
  const int file = ::memfd_create("recpo-heartbeats", MFD_CLOEXEC);
  if (file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    ::close(file);
    return -1;
  }
  return file;
}

int open_file(const Source& source) {
  if (source.file < 0) return -1;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/fd/%d", source.pid, source.file);
  return ::open(path, O_RDWR | O_CLOEXEC);
}

bool all_agree(bool mine, MPI_Comm comm) {
  int ok = mine ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_MIN, comm);
  return ok == 1;
}

void set_phase(HeartbeatEntry& entry, const char* phase) {
  std::size_t length = 0;
  for (; length + 1 < HeartbeatEntry::kPhaseLength && phase[length] != '\0'; ++length) {
    const bool is_control = static_cast<unsigned char>(phase[length]) < ' ';  // a message is one line
    entry.phase[length] = is_control ? ' ' : phase[length];
  }
  entry.phase[length] = '\0';
}

void write_entry(HeartbeatEntry& entry, int rank, const char* phase) {
  const ProcessIdentity identity = own_identity();
  entry.rank = rank;
  entry.pid = identity.pid;
  entry.start_ticks = identity.start_ticks;
  set_phase(entry, phase);
  entry.last_beat_ms = now_ms();
}

}  // namespace

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void HeartbeatEntry::copy_phase(char (&text)[kPhaseLength]) const {
  std::copy(std::begin(phase), std::end(phase), text);
  text[kPhaseLength - 1] = '\0';
}

HeartbeatTable::HeartbeatTable(int rank) {
  void* memory = map(Layout::bytes(1), -1);
  if (memory == nullptr) throw std::bad_alloc();
  private_ = new (memory) Layout(1);
  current_ = private_;
  own_ = private_->entries();
  write_entry(*own_, rank, "start-up");
}

HeartbeatTable::~HeartbeatTable() {
  if (shared_ != nullptr) ::munmap(shared_, Layout::bytes(shared_->num_entries));
  ::munmap(private_, Layout::bytes(1));
}

void HeartbeatTable::share(MPI_Comm node, int rank) {
  RECPO_REQUIRE(shared_ == nullptr);
  int index = 0, size = 1;
  MPI_Comm_rank(node, &index);
  MPI_Comm_size(node, &size);
  const std::size_t bytes = Layout::bytes(size);
  own_.load()->rank = rank;

  Source source;
  if (index == 0) source = {static_cast<int>(::getpid()), create_file(bytes)};
  MPI_Bcast(&source, 2, MPI_INT, 0, node);
  const int file = index == 0 ? source.file : open_file(source);
  void* memory = file < 0 ? nullptr : map(bytes, file);
  if (memory != nullptr && index == 0) new (memory) Layout(size);
  const bool is_mapped = all_agree(memory != nullptr, node);  // and laid out
  if (file >= 0) ::close(file);
  if (!is_mapped) {
    if (memory != nullptr) ::munmap(memory, bytes);
    return;
  }

  auto* layout = static_cast<Layout*>(memory);
  HeartbeatEntry& mine = layout->entries()[index];
  char phase[HeartbeatEntry::kPhaseLength];
  own_.load()->copy_phase(phase);
  write_entry(mine, rank, phase);
  MPI_Barrier(node);
  const bool sees_all = std::all_of(layout->entries(), layout->entries() + size, [](const HeartbeatEntry& entry) {
    const char state = process_state(entry.identity());
    return state != kUnknown && !has_ended(state);
  });
  if (!all_agree(sees_all, node)) {
    ::munmap(memory, bytes);
    return;
  }
  shared_ = layout;
  shared_index_ = static_cast<std::size_t>(index);
  own_ = &mine;
  current_ = layout;
}

void HeartbeatTable::beat(const char* phase) {
  HeartbeatEntry& entry = *own_;
  set_phase(entry, phase);
  entry.last_beat_ms = now_ms();
}

void HeartbeatTable::stay_alive() { own_.load()->last_beat_ms = now_ms(); }

void HeartbeatTable::forgive(std::int64_t milliseconds) {
  HeartbeatEntry& entry = *own_;
  std::int64_t last = entry.last_beat_ms;
  entry.last_beat_ms.compare_exchange_strong(last, last + milliseconds);  // fails when the rank has just beaten
}

void HeartbeatTable::end() { own_.load()->is_ending = true; }

std::span<const HeartbeatEntry> HeartbeatTable::entries() const {
  Layout* layout = current_;
  return {layout->entries(), static_cast<std::size_t>(layout->num_entries)};
}

std::size_t HeartbeatTable::own_index() const { return current_ == private_ ? 0 : shared_index_; }

bool HeartbeatTable::claim_reporter(int exit_code) {
  int unclaimed = 0;
  return current_.load()->reporter_exit_code.compare_exchange_strong(unclaimed, exit_code);
}

int HeartbeatTable::reporter_exit_code() const { return current_.load()->reporter_exit_code; }

namespace {

struct StatLine {
  char state = kUnknown;
  std::uint64_t start_ticks = 0;
};

StatLine parse_stat(std::string_view line) {
  constexpr int kFieldsToStart = 19;             // from the state, field 3, to the start time, field 22
  const std::size_t name_end = line.rfind(')');  // a program's name may hold anything, ") R" included
  if (name_end == line.npos || name_end + 2 >= line.size()) return {};
  std::string_view rest = line.substr(name_end + 2);
  StatLine result{rest[0], 0};
  for (int field = 0; field < kFieldsToStart; ++field) {
    const std::size_t blank = rest.find(' ');
    if (blank == rest.npos) return {};
    rest.remove_prefix(blank + 1);
  }
  std::from_chars(rest.data(), rest.data() + rest.size(), result.start_ticks);
  return result;
}

StatLine read_stat(pid_t pid) {
  char path[32], text[1024];  // a line has about 300 characters
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t length = ::read(file, text, sizeof text);
  ::close(file);
  return parse_stat({text, static_cast<std::size_t>(std::max<ssize_t>(length, 0))});
}

}  // namespace

ProcessIdentity own_identity() { return {::getpid(), read_stat(::getpid()).start_ticks}; }

char process_state(const ProcessIdentity& process) {
  if (::kill(process.pid, 0) != 0 && errno == ESRCH) return kGone;
  const StatLine line = read_stat(process.pid);
  const bool is_other = line.start_ticks != 0 && process.start_ticks != 0 && line.start_ticks != process.start_ticks;
  return is_other ? kGone : line.state;
}

bool has_ended(char state) { return state == kGone || state == 'Z' || state == 'X'; }

bool is_stopped(char state) { return state == 'T' || state == 't'; }

const char* state_text(char state) {
  switch (state) {
    case 'R':
      return "it computes, or waits for another rank";
    case 'S':
    case 'I':
      return "it sleeps";
    case 'D':
      return "it waits for a disk or a file system";
    case 'T':
      return "it is stopped";
    case 't':
      return "a debugger has stopped it";
    default:
      return has_ended(state) ? "its process has ended" : "the state of its process is not known";
  }
}

}  // namespace recpo::process
