#pragma once
// Ranks as threads of one process, for functions that only gather host data.

#include <barrier>
#include <thread>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

struct ThreadWorld {
  explicit ThreadWorld(int size) : parts(static_cast<std::size_t>(size)), barrier(size) {}
  std::vector<std::string> parts;
  std::barrier<> barrier;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(ThreadWorld& world, int rank) : world_(world), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(world_.parts.size()); }
  void broadcast(std::span<std::byte>, int) override { std::abort(); }
  int all_reduce_max(int) override { std::abort(); }
  std::vector<std::string> all_gather(const std::string& mine) override {
    world_.parts[static_cast<std::size_t>(rank_)] = mine;
    world_.barrier.arrive_and_wait();
    std::vector<std::string> all = world_.parts;
    world_.barrier.arrive_and_wait();
    return all;
  }
  void barrier() override { world_.barrier.arrive_and_wait(); }

 protected:
  void sum_all(const ExecSpace&, const Buffer&) override { std::abort(); }
  std::unique_ptr<Pending> sum_slices(const ExecSpace&, const Buffer&) override { std::abort(); }
  std::unique_ptr<Pending> gather_slices(const ExecSpace&, const Buffer&) override { std::abort(); }

 private:
  ThreadWorld& world_;
  int rank_;
};

// Runs `work(communicator)` on `size` ranks at once.
template <class Work>
void run_ranks(int size, const Work& work) {
  ThreadWorld world(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&world, &work, rank] {
      ThreadCommunicator communicator(world, rank);
      work(communicator);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace recpo::parallel
