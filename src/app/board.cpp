#include "src/app/board.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>

#include "src/support/check.hpp"

namespace recpo::app {

static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<char>::is_always_lock_free &&
              std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// Laid out the same in every process: this head, then the slots.
struct Board::Sheet {
  alignas(64) std::atomic<int> last_word{0};
  int num_slots;

  explicit Sheet(int slots) : num_slots(slots) {
    for (int i = 0; i < slots; ++i) new (this->slots() + i) Slot();
  }
  Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }
  static std::size_t bytes(int slots) { return sizeof(Sheet) + static_cast<std::size_t>(slots) * sizeof(Slot); }
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
  const int file = ::memfd_create("recpo-board", MFD_CLOEXEC);
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

void set_phase(Slot& slot, const char* phase) {
  std::size_t length = 0;
  for (; length + 1 < Slot::kPhaseLength && phase[length] != '\0'; ++length) {
    const bool is_control = static_cast<unsigned char>(phase[length]) < ' ';  // a message is one line
    slot.phase[length] = is_control ? ' ' : phase[length];
  }
  slot.phase[length] = '\0';
}

void write_slot(Slot& slot, int rank, const char* phase) {
  const ProcessIdentity identity = own_identity();
  slot.rank = rank;
  slot.pid = identity.pid;
  slot.start_ticks = identity.start_ticks;
  set_phase(slot, phase);
  slot.last_beat_ms = now_ms();
}

}  // namespace

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void Slot::copy_phase(char (&text)[kPhaseLength]) const {
  std::copy(std::begin(phase), std::end(phase), text);
  text[kPhaseLength - 1] = '\0';
}

Board::Board(int rank) {
  void* memory = map(Sheet::bytes(1), -1);
  if (memory == nullptr) throw std::bad_alloc();
  private_ = new (memory) Sheet(1);
  current_ = private_;
  own_ = private_->slots();
  write_slot(*own_, rank, "start-up");
}

Board::~Board() {
  if (shared_ != nullptr) ::munmap(shared_, Sheet::bytes(shared_->num_slots));
  ::munmap(private_, Sheet::bytes(1));
}

void Board::share(MPI_Comm node, int rank) {
  RECPO_REQUIRE(shared_ == nullptr);
  int index = 0, size = 1;
  MPI_Comm_rank(node, &index);
  MPI_Comm_size(node, &size);
  const std::size_t bytes = Sheet::bytes(size);
  own_.load()->rank = rank;

  Source source;
  if (index == 0) source = {static_cast<int>(::getpid()), create_file(bytes)};
  MPI_Bcast(&source, 2, MPI_INT, 0, node);
  const int file = index == 0 ? source.file : open_file(source);
  void* memory = file < 0 ? nullptr : map(bytes, file);
  if (memory != nullptr && index == 0) new (memory) Sheet(size);
  const bool is_mapped = all_agree(memory != nullptr, node);  // and laid out
  if (file >= 0) ::close(file);
  if (!is_mapped) {
    if (memory != nullptr) ::munmap(memory, bytes);
    return;
  }

  auto* sheet = static_cast<Sheet*>(memory);
  Slot& mine = sheet->slots()[index];
  char phase[Slot::kPhaseLength];
  own_.load()->copy_phase(phase);
  write_slot(mine, rank, phase);
  MPI_Barrier(node);
  const bool sees_all = std::all_of(sheet->slots(), sheet->slots() + size, [](const Slot& slot) {
    const char state = process_state(slot.identity());
    return state != kUnknown && !has_ended(state);
  });
  if (!all_agree(sees_all, node)) {
    ::munmap(memory, bytes);
    return;
  }
  shared_ = sheet;
  shared_index_ = static_cast<std::size_t>(index);
  own_ = &mine;
  current_ = sheet;
}

void Board::beat(const char* phase) {
  Slot& slot = *own_;
  set_phase(slot, phase);
  slot.last_beat_ms = now_ms();
}

void Board::forgive(std::int64_t milliseconds) {
  Slot& slot = *own_;
  std::int64_t last = slot.last_beat_ms;
  slot.last_beat_ms.compare_exchange_strong(last, last + milliseconds);  // fails when the rank has just beaten
}

void Board::end() { own_.load()->is_ending = true; }

std::span<const Slot> Board::slots() const {
  Sheet* sheet = current_;
  return {sheet->slots(), static_cast<std::size_t>(sheet->num_slots)};
}

std::size_t Board::own_index() const { return current_ == private_ ? 0 : shared_index_; }

bool Board::claim_last_word(int exit_code) {
  int nobody = 0;
  return current_.load()->last_word.compare_exchange_strong(nobody, exit_code);
}

int Board::last_word() const { return current_.load()->last_word; }

}  // namespace recpo::app
