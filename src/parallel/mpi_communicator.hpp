#pragma once
// MPI along one axis. Owns its MPI_Comm (freed with the object, which must not outlive MPI_Finalize).
//
// The tree sum on a power of two of ranks is a butterfly: a reduce-scatter by recursive halving whose first partner is
// the neighbour (r ^ 1), then r ^ 2, r ^ 4, ..., and an all-gather back through the same partners. Each rank sends
// 2 n (R - 1) / R elements, the ring's volume, and every element is summed in the order of the tree. Other rank counts
// gather down a binomial tree with the same association and broadcast.

#include <mpi.h>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

class MpiCommunicator final : public Communicator {
 public:
  // Takes ownership. Collective.
  explicit MpiCommunicator(MPI_Comm communicator);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_reduce_sum(const ExecSpace& exec, Vector<float> data) override { tree_sum(exec, data); }
  void all_reduce_sum(const ExecSpace& exec, Vector<double> data) override { tree_sum(exec, data); }
  void broadcast(std::span<std::byte> data, int root) override;
  int all_reduce_max(int value) override;
  std::vector<std::string> all_gather(const std::string& mine) override;
  void barrier() override;

 private:
  template <class T>
  void tree_sum(const ExecSpace& exec, Vector<T> data);
  template <class T>
  void butterfly_sum(T* data, std::int64_t n);
  template <class T>
  void binomial_sum(T* data, std::int64_t n);

  MPI_Comm communicator_;
  int rank_ = 0, size_ = 1;
};

}  // namespace recpo::parallel
