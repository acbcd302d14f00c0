#pragma once
// MPI along one axis. Owns its MPI_Comm, unless that is MPI_COMM_WORLD (freed with the object, which must not outlive
// MPI_Finalize).
//
// Collectives go directly: in a reduce-scatter every rank sends each slice to its owner, which adds the R contributions
// along the tree of communicator.hpp; in an all-gather every owner sends its slice to all. Each rank sends what a ring
// would send, in R - 1 messages in flight at once, and any number of ranks has the tree's association. An all-reduce
// is the one after the other. All messages are non-blocking, so a collective gets on while the caller computes, as far
// as the MPI library makes progress inside its calls.

#include <mpi.h>

#include <vector>

#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {

class MpiCommunicator : public Communicator {
 public:
  // Takes ownership, but of MPI_COMM_WORLD. Not collective.
  explicit MpiCommunicator(MPI_Comm communicator);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void broadcast(std::span<std::byte> data, int root) override;
  int all_reduce_max(int value) override;
  std::vector<std::string> all_gather(const std::string& mine) override;
  using Communicator::all_gather;
  void barrier() override;
  bool barrier_while(const std::function<bool()>& keep_waiting) override;

 protected:
  void sum_all(const ExecSpace& exec, const Buffer& data) override;
  std::unique_ptr<Pending> sum_slices(const ExecSpace& exec, const Buffer& data) override;
  std::unique_ptr<Pending> gather_slices(const ExecSpace& exec, const Buffer& data) override;

 private:
  MPI_Comm communicator_;
  int rank_ = 0, size_ = 1;
};

// The messages of one MPI collective: R - 1 sends and receives of slices, all in flight at once. On the CPU the buffer
// itself is sent and received; a device buffer goes through a host copy.
struct Axis {
  MPI_Comm communicator;
  int rank, size;
};

// Elements [begin, end) of a buffer. Slices need not have equal sizes here.
struct SliceRange {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};
inline SliceRange slice_of(std::int64_t n, int rank, int ranks) { return {n * rank / ranks, n * (rank + 1) / ranks}; }

template <class T>
class MpiExchange : public Pending {
 public:
  MpiExchange(const Axis& axis, const ExecSpace& exec, Vector<T> data);
  void progress() override;
  void wait(const ExecSpace& exec) override;

 protected:
  // Starts sending `data` to and receiving it from a rank.
  void send(int to, const SliceRange& range);
  void receive(int from, T* data, std::int64_t n);
  // After the last message; on the host buffer.
  virtual void complete() {}
  // For destructors: waits for the messages, but not while an exception unwinds, when the other ranks may never answer.
  // Then all they read and write stays until the process ends: PoolVectors, the host copy, and, if it says false, what
  // the destructor would free.
  [[nodiscard]] bool drain();

  T* host() const { return host_.data(); }
  SliceRange slice(int rank) const { return slice_of(static_cast<std::int64_t>(host_.extent(0)), rank, axis_.size); }

  const Axis axis_;

 private:
  using Mirror = decltype(Kokkos::create_mirror_view_and_copy(HostSpace{}, std::declval<Vector<T>>()));

  Vector<T> data_;
  Mirror host_;  // the same memory on the CPU
  std::vector<MPI_Request> requests_;
  bool done_ = false;
};

template <class T>
class MpiReduceScatter final : public MpiExchange<T> {
 public:
  MpiReduceScatter(const Axis& axis, const ExecSpace& exec, Vector<T> data);
  ~MpiReduceScatter() override {
    if (!this->drain()) static_cast<void>(received_.release());
  }

 private:
  void complete() override;
  std::unique_ptr<T[]> received_;  // [R - 1, slice]: what the other ranks contribute to this rank's slice
};

template <class T>
class MpiAllGather final : public MpiExchange<T> {
 public:
  MpiAllGather(const Axis& axis, const ExecSpace& exec, Vector<T> data);
  ~MpiAllGather() override { static_cast<void>(this->drain()); }
};

// Check of MPI's return codes. Its default error handler ends the program before a call returns an error.
inline void require_success(int status) { RECPO_REQUIRE(status == MPI_SUCCESS); }

}  // namespace recpo::parallel
