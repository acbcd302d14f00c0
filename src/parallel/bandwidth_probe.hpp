#pragma once
// Pairwise bandwidth of the ranks, measured at start-up, and a check that the tensor-parallel groups sit on the fast
// links. On a node with links of several kinds (NVLink between some pairs of GPUs, PCIe between the others) the
// order of the ranks decides over which of them the groups communicate.

#include <optional>
#include <string>
#include <vector>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

// Bytes a second that each rank of a pair sends while it receives as many; symmetric, zero on the diagonal and for
// pairs that were not measured.
class BandwidthMatrix {
 public:
  explicit BandwidthMatrix(int ranks)
      : ranks_(ranks), values_(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks), 0.0) {}
  int ranks() const { return ranks_; }
  double operator()(int a, int b) const { return values_[place(a, b)]; }
  void set(int a, int b, double value) { values_[place(a, b)] = values_[place(b, a)] = value; }
  bool complete() const;  // every pair was measured

 private:
  std::size_t place(int a, int b) const { return static_cast<std::size_t>(a * ranks_ + b); }
  int ranks_;
  std::vector<double> values_;
};

// Round-robin schedule in which every pair of ranks meets exactly once: the partner of each rank in a round, itself
// where it pauses (odd numbers of ranks). Rounds: ranks - 1, or `ranks` where that is odd.
int tournament_rounds(int ranks);
std::vector<int> tournament_partners(int ranks, int round);

// Sends `mine` to rank `peer` and fills `theirs`, of the same size, with what it sends: over NCCL where the collectives
// go there, else between host copies. Collective over the two ranks of `world`; complete when it returns.
void exchange_with(Communicator& world, int peer, const Vector<float>& mine, const Vector<float>& theirs);

// Collective over `world`; the same matrix on every rank. Disjoint pairs exchange a few MiB at once, the best of some
// repeats counts, as the slower of the two saw it. Ends after about `limit_seconds` of exchanges, with the pairs
// measured by then; NCCL's first contact of each pair comes on top.
BandwidthMatrix measure_bandwidth(Communicator& world, double limit_seconds = 0.1);

// A warning where the slowest link inside the tensor-parallel groups (tp neighbouring ranks each) would be at least
// half as fast again with the ranks in another order, which it names. Nothing for incomplete matrices.
std::optional<std::string> rank_order_warning(const BandwidthMatrix& matrix, int tp);

// Two measurements as one that gives the present order the benefit of the doubt: links inside its groups count as the
// faster measurement, all others as the slower. What noise made look better once does not stay better so.
BandwidthMatrix in_favour_of_order(const BandwidthMatrix& one, const BandwidthMatrix& other, int tp);

// All together, for the start of a program. Collective over grid.world, under 0.2 s of exchanges; measures nothing
// where no other order is possible or the ranks compute in the memory of one host, and twice before it complains.
std::optional<std::string> slow_tensor_links(const ProcessGrid& grid);

// GB/s as a table, one line a rank.
std::string to_table(const BandwidthMatrix& matrix);

}  // namespace recpo::parallel
