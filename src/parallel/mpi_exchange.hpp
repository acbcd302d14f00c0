#pragma once
// The messages of one MPI collective: R - 1 sends and receives of slices, all under way at once. On the CPU the buffer
// itself is sent and received; a device buffer goes through a host copy.

#include <mpi.h>

#include <vector>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

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
  void drain();

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
  ~MpiReduceScatter() override { this->drain(); }

 private:
  void complete() override;
  std::unique_ptr<T[]> received_;  // [R - 1, slice]: what the other ranks contribute to this rank's slice
};

template <class T>
class MpiAllGather final : public MpiExchange<T> {
 public:
  MpiAllGather(const Axis& axis, const ExecSpace& exec, Vector<T> data);
  ~MpiAllGather() override { this->drain(); }
};

}  // namespace recpo::parallel
