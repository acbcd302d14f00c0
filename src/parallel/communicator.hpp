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

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "src/parallel/backend.hpp"
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

// A collective in flight. The buffer must not be touched before wait() has returned. wait() orders later work on
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

  // Host data.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  virtual int all_reduce_max(int value) = 0;
  // Concatenation in rank order of every rank's bytes (sizes may differ).
  virtual std::vector<std::string> all_gather(const std::string& mine) = 0;
  virtual void barrier() = 0;
  // A barrier for long waits: the rank sleeps and asks `keep_waiting` every few milliseconds. False as soon as that
  // says no; nothing collective is possible with these ranks then.
  virtual bool barrier_while(const std::function<bool()>& keep_waiting);

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

// Every rank's numbers, or plain structs of them, in rank order. Collective; sizes may differ.
template <class T>
std::vector<std::vector<T>> gather_by_rank(Communicator& communicator, const std::vector<T>& mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::string own(reinterpret_cast<const char*>(mine.data()), mine.size() * sizeof(T));
  std::vector<std::vector<T>> all;
  for (const std::string& bytes : communicator.all_gather(own)) {
    all.emplace_back(bytes.size() / sizeof(T));
    std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(all.back().data()));
  }
  return all;
}

// The same as one vector.
template <class T>
std::vector<T> gather_values(Communicator& communicator, const std::vector<T>& mine) {
  std::vector<T> all;
  for (const std::vector<T>& part : gather_by_rank(communicator, mine)) all.insert(all.end(), part.begin(), part.end());
  return all;
}

template <class T>
void broadcast(Communicator& communicator, std::span<T> data, int root) {
  communicator.broadcast(std::as_writable_bytes(data), root);
}

// world = dp x tp, tp innermost. Built once at start-up and passed by reference.
struct ProcessGrid {
  std::unique_ptr<Communicator> world, dp, tp;
};

// `ranks` > 0 takes the first ranks of the world only (tests, benchmarks); the
// others get an empty grid. Throws kUsage when tp does not divide the ranks or the backend is not there. Collective
// over all ranks of the program.
ProcessGrid make_process_grid(Backend backend, int tp, int ranks = 0);

// Equal division of work among the ranks of an axis: rank r of R takes items [n r / R, n (r + 1) / R).
struct Share {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

inline Share share_of(std::size_t n, const Communicator& axis) {
  const auto rank = static_cast<std::size_t>(axis.rank()), ranks = static_cast<std::size_t>(axis.size());
  return {n * rank / ranks, n * (rank + 1) / ranks};
}

// Communicator of one rank: collectives do nothing.
class SerialCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void broadcast(std::span<std::byte>, int) override {}
  int all_reduce_max(int value) override { return value; }
  std::vector<std::string> all_gather(const std::string& mine) override { return {mine}; }
  void barrier() override {}

 protected:  // the base class does not ask one rank
  void sum_all(const ExecSpace&, const Buffer&) override {}
  std::unique_ptr<Pending> sum_slices(const ExecSpace&, const Buffer&) override { return nullptr; }
  std::unique_ptr<Pending> gather_slices(const ExecSpace&, const Buffer&) override { return nullptr; }
};

}  // namespace recpo::parallel
