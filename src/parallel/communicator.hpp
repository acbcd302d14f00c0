#pragma once
// Communication along one axis of the process grid. Every function is collective over the axis: all ranks call it with
// the same sizes, in the same order. Implementations: serial (one rank) and MPI.
//
// Sums have a fixed association, a binary tree over ranks: ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7)). Together
// with leaves of fixed size inside a rank (train/leaves.hpp) the result has the same bits for 1, 2, 4 and 8 ranks,
// which MPI_Allreduce does not promise.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::parallel {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // In place: every rank ends with the tree sum over ranks. `data` is contiguous; ordered after work on `exec`.
  virtual void all_reduce_sum(const ExecSpace& exec, Vector<float> data) = 0;
  virtual void all_reduce_sum(const ExecSpace& exec, Vector<double> data) = 0;

  // Host data.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  virtual int all_reduce_max(int value) = 0;
  // Concatenation in rank order of every rank's bytes (sizes may differ).
  virtual std::vector<std::string> all_gather(const std::string& mine) = 0;
  virtual void barrier() = 0;

  // Bytes this rank has sent since construction, counted as for ring collectives.
  std::int64_t sent_bytes() const { return sent_bytes_; }

 protected:
  std::int64_t sent_bytes_ = 0;
};

template <class T>
void broadcast(Communicator& communicator, std::span<T> data, int root) {
  communicator.broadcast(std::as_writable_bytes(data), root);
}

// world = dp x tp, tp innermost. Built once at start-up and passed by reference.
struct ProcessGrid {
  std::unique_ptr<Communicator> world, dp, tp;
};

// backend = auto | serial | mpi; auto: mpi when started with more than one rank. Throws kUsage when the world is not
// divisible by tp.
ProcessGrid make_process_grid(const std::string& backend, int tp);

}  // namespace recpo::parallel
