#pragma once
// One rank alone: every sum is its own.

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

class SerialCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_reduce_sum(const ExecSpace&, Vector<float>) override {}
  void all_reduce_sum(const ExecSpace&, Vector<double>) override {}
  void broadcast(std::span<std::byte>, int) override {}
  int all_reduce_max(int value) override { return value; }
  std::vector<std::string> all_gather(const std::string& mine) override { return {mine}; }
  void barrier() override {}
};

}  // namespace recpo::parallel
