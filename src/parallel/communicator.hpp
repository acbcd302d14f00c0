#pragma once
// Communication along one axis of the process grid. Every function is collective over the axis: all ranks call it with
// the same sizes, in the same order. Implementations: serial (one rank), MPI, NCCL; the factory below is the only place
// that chooses.
//
// Sums of the serial and MPI implementations have a fixed association, a binary tree over ranks:
// ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)). Together with leaves of fixed size inside a rank
// (train/leaves.hpp) the result has the same bits for 1, 2, 4 and 8 ranks, which neither MPI_Allreduce nor NCCL
// promises. Bfloat16 terms are summed in float there, and the sum is rounded once.
//
// Slices: a buffer of n elements, n a multiple of size(), belongs to the ranks in size() equal parts; rank r's slice is
// [r n / size, (r + 1) n / size).

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::parallel {

// Elements in the memory of the default execution space, as a collective sees them.
enum class Element : std::uint8_t { kFloat32, kFloat64, kBfloat16 };
inline std::int64_t bytes_of(Element element) {
  return element == Element::kBfloat16 ? 2 : element == Element::kFloat32 ? 4 : 8;
}
template <class T>
inline constexpr Element kElementOf = std::is_same_v<T, float>    ? Element::kFloat32
                                      : std::is_same_v<T, double> ? Element::kFloat64
                                                                  : Element::kBfloat16;

struct Buffer {
  void* data = nullptr;
  std::int64_t size = 0;  // elements
  Element element = Element::kFloat32;

  // Any contiguous vector or matrix, owned or not.
  template <class T, class... Properties>
  Buffer(const Kokkos::View<T, Properties...>& view) : data(view.data()), size(static_cast<std::int64_t>(view.size())) {
    using Value = typename Kokkos::View<T, Properties...>::non_const_value_type;
    static_assert(std::is_same_v<Value, float> || std::is_same_v<Value, double> || std::is_same_v<Value, Bfloat16>);
    element = kElementOf<Value>;
  }
  std::int64_t bytes() const { return size * bytes_of(element); }
};

// A collective on its way. The buffer must not be touched before wait() has returned. wait() orders later work on
// `exec` after the collective; the destructor of an unfinished one waits too.
class Pending {
 public:
  virtual ~Pending() = default;
  virtual void progress() {}  // lets it get on while the caller computes; cheap
  virtual void wait(const ExecSpace& exec) = 0;
};

// Bytes this rank has sent, counted as for ring collectives: (R - 1) / R of the buffer for a reduce-scatter or an
// all-gather, twice that for an all-reduce. Host messages (a few bytes a step) are not counted.
struct Traffic {
  std::int64_t all_reduce = 0, reduce_scatter = 0, all_gather = 0;
  std::int64_t total() const { return all_reduce + reduce_scatter + all_gather; }
  Traffic& operator+=(const Traffic& more) {
    all_reduce += more.all_reduce;
    reduce_scatter += more.reduce_scatter;
    all_gather += more.all_gather;
    return *this;
  }
  friend Traffic operator-(const Traffic& a, const Traffic& b) {
    return {a.all_reduce - b.all_reduce, a.reduce_scatter - b.reduce_scatter, a.all_gather - b.all_gather};
  }
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // In place, after work on `exec`: every rank ends with the sum over ranks. Any size.
  void all_reduce_sum(const ExecSpace& exec, Buffer data);
  // In place: this rank's slice ends as the sum over ranks of that slice; the other slices are left as they are or
  // lost. The size is a multiple of size().
  std::unique_ptr<Pending> start_reduce_scatter_sum(const ExecSpace& exec, Buffer data);
  // In place: every rank's slice is copied to all ranks. The size is a multiple of size().
  std::unique_ptr<Pending> start_all_gather(const ExecSpace& exec, Buffer data);

  // Pending::wait, counted as waiting.
  void wait(const ExecSpace& exec, Pending& pending);
  void reduce_scatter_sum(const ExecSpace& exec, Buffer data) { wait(exec, *start_reduce_scatter_sum(exec, data)); }
  void all_gather(const ExecSpace& exec, Buffer data) { wait(exec, *start_all_gather(exec, data)); }

  // Sends `mine` to rank `peer` and fills `theirs` with what it sends, after work on `exec`; buffers of equal size that
  // do not overlap. Collective over the two ranks alone. Has ended on the host when it returns; not counted as traffic.
  // Throws kInternal where there are no messages between two ranks (serial).
  virtual void exchange(const ExecSpace& exec, int peer, Buffer mine, Buffer theirs);

  // Host data.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  virtual int all_reduce_max(int value) = 0;
  // Concatenation in rank order of every rank's bytes (sizes may differ).
  virtual std::vector<std::string> all_gather(const std::string& mine) = 0;
  virtual void barrier() = 0;

  // Since construction. Waiting is the time this thread was held by collectives: what communication costs a step beyond
  // what overlaps (with NCCL the host does not wait, and this stays near zero).
  const Traffic& traffic() const { return traffic_; }
  double seconds_waiting() const { return seconds_waiting_; }

 protected:
  virtual void sum_all(const ExecSpace& exec, const Buffer& data) = 0;
  virtual std::unique_ptr<Pending> sum_slices(const ExecSpace& exec, const Buffer& data) = 0;
  virtual std::unique_ptr<Pending> gather_slices(const ExecSpace& exec, const Buffer& data) = 0;

 private:
  Traffic traffic_;
  double seconds_waiting_ = 0;
};

template <class T>
void broadcast(Communicator& communicator, std::span<T> data, int root) {
  communicator.broadcast(std::as_writable_bytes(data), root);
}

// world = dp x tp, tp innermost. Built once at start-up and passed by reference.
struct ProcessGrid {
  std::unique_ptr<Communicator> world, dp, tp;
};

// backend = auto | serial | mpi | nccl; auto: NCCL where the program has it and runs on GPUs, MPI when started with
// more than one rank, otherwise serial. `ranks` > 0 takes the first ranks of the world only (tests, benchmarks); the
// others get an empty grid. Throws kUsage when tp does not divide the ranks or the backend is not there. Collective
// over all ranks of the program.
ProcessGrid make_process_grid(const std::string& backend, int tp, int ranks = 0);

}  // namespace recpo::parallel
