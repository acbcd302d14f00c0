#pragma once
// MPI along one axis. Owns its MPI_Comm (freed with the object, which must not outlive MPI_Finalize).
//
// Collectives go directly: in a reduce-scatter every rank sends each slice to its owner, who adds the R contributions
// along the tree of communicator.hpp; in an all-gather every owner sends its slice to all. Each rank sends what a ring
// would send, in R - 1 messages that travel at once, and any number of ranks has the tree's association. An all-reduce
// is the one after the other. All messages are non-blocking, so a collective gets on while the caller computes, as far
// as the MPI library makes progress inside its calls.

#include <mpi.h>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

class MpiCommunicator : public Communicator {
 public:
  // Takes ownership. Collective.
  explicit MpiCommunicator(MPI_Comm communicator);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void exchange(const ExecSpace& exec, int peer, Buffer mine, Buffer theirs) override;  // device: by host copies
  void broadcast(std::span<std::byte> data, int root) override;
  int all_reduce_max(int value) override;
  std::vector<std::string> all_gather(const std::string& mine) override;
  using Communicator::all_gather;
  void barrier() override;

 protected:
  void sum_all(const ExecSpace& exec, const Buffer& data) override;
  std::unique_ptr<Pending> sum_slices(const ExecSpace& exec, const Buffer& data) override;
  std::unique_ptr<Pending> gather_slices(const ExecSpace& exec, const Buffer& data) override;

 private:
  MPI_Comm communicator_;
  int rank_ = 0, size_ = 1;
};

}  // namespace recpo::parallel
