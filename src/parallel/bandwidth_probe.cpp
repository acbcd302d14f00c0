#include "src/parallel/bandwidth_probe.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "src/parallel/mpi_communicator.hpp"
#include "src/parallel/nccl_communicator.hpp"
#include "src/support/units.hpp"

namespace recpo::parallel {
namespace {
constexpr std::int64_t kElements = std::int64_t{1} << 19;  // 2 MiB each way
constexpr int kRepeats = 3;

// Bytes a second of the best of some exchanges with `peer`.
double measure_pair(Communicator& world, int peer, const OwnedVector<float>& mine, const OwnedVector<float>& theirs) {
  double best = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = Clock::now();
    exchange_with(world, peer, mine, theirs);
    best = std::max(best, static_cast<double>(Buffer(mine).bytes()) / seconds_since(start));
  }
  return best;
}

// A pair is as fast as its slower end saw it.
BandwidthMatrix joined(const std::vector<std::vector<double>>& seen) {
  const int ranks = static_cast<int>(seen.size());
  BandwidthMatrix matrix(ranks);
  for (int a = 0; a < ranks; ++a) {
    for (int b = a + 1; b < ranks; ++b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      matrix.set(a, b, std::min(seen[i][j], seen[j][i]));
    }
  }
  return matrix;
}

// Ranks that compute on the host they share: differences between their pairs show which ones had a core at the time.
bool shares_one_memory(Communicator& world) {
  if (!kOnHost) return false;
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  const std::vector<std::string> hosts = world.all_gather(std::string(name));
  return std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) { return host == hosts.front(); });
}
}  // namespace

bool BandwidthMatrix::complete() const {
  for (int a = 0; a < ranks_; ++a) {
    for (int b = 0; b < a; ++b) {
      if ((*this)(a, b) <= 0) return false;
    }
  }
  return true;
}

int tournament_rounds(int ranks) { return ranks % 2 == 0 ? ranks - 1 : ranks; }

// The circle method: rank `last` stays, the others move on by one seat a round; with an odd number `last` stands for a
// pause.
std::vector<int> tournament_partners(int ranks, int round) {
  const int last = tournament_rounds(ranks);
  std::vector<int> partners(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    int partner = ((2 * round - rank) % last + last) % last;
    if (rank == last)
      partner = round;
    else if (partner == rank)
      partner = last < ranks ? last : rank;
    partners[static_cast<std::size_t>(rank)] = partner;
  }
  return partners;
}

void exchange_with(Communicator& world, int peer, const Vector<float>& mine, const Vector<float>& theirs) {
  const ExecSpace exec;
  if (!nccl_exchange(world, exec, peer, mine, theirs)) {
    const auto sent = Kokkos::create_mirror_view_and_copy(HostSpace{}, mine);
    const auto received = Kokkos::create_mirror_view(HostSpace{}, theirs);
    const auto n = static_cast<int>(sent.size());
    // The ranks of `world` are the first ones of the program.
    require_success(MPI_Sendrecv(sent.data(), n, MPI_FLOAT, peer, 0, received.data(), n, MPI_FLOAT, peer, 0,
                                 MPI_COMM_WORLD, MPI_STATUS_IGNORE));
    Kokkos::deep_copy(exec, theirs, received);  // nothing where they are the same memory
  }
  exec.fence("recpo::bandwidth_probe::exchange");
}

BandwidthMatrix measure_bandwidth(Communicator& world, double limit_seconds) {
  const int ranks = world.size();
  if (ranks == 1) return BandwidthMatrix(1);
  const OwnedVector<float> mine("recpo::bandwidth_probe::sent", kElements);
  const OwnedVector<float> theirs("recpo::bandwidth_probe::received", kElements);
  const Vector<float> hello(mine.data(), 1), answer(theirs.data(), 1);
  std::vector<double> seen(static_cast<std::size_t>(ranks), 0.0);
  double spent = 0;
  for (int round = 0; round < tournament_rounds(ranks); ++round) {
    const int peer = tournament_partners(ranks, round)[static_cast<std::size_t>(world.rank())];
    if (peer != world.rank()) exchange_with(world, peer, hello, answer);  // connects the two
    world.barrier();
    const auto start = Clock::now();
    if (peer != world.rank()) seen[static_cast<std::size_t>(peer)] = measure_pair(world, peer, mine, theirs);
    spent += 1e-6 * world.all_reduce_max(static_cast<int>(1e6 * std::min(seconds_since(start), 1000.0)));
    if (spent > limit_seconds) break;  // the same on every rank
  }
  return joined(gather_by_rank(world, seen));
}

BandwidthMatrix in_favour_of_order(const BandwidthMatrix& one, const BandwidthMatrix& other, int tp) {
  BandwidthMatrix result(one.ranks());
  for (int a = 0; a < one.ranks(); ++a) {
    for (int b = 0; b < a; ++b) {
      const bool in_group = a / tp == b / tp;
      result.set(a, b, in_group ? std::max(one(a, b), other(a, b)) : std::min(one(a, b), other(a, b)));
    }
  }
  return result;
}

std::optional<std::string> slow_tensor_links(const ProcessGrid& grid) {
  const int tp = grid.tp->size();
  if (tp == 1 || tp == grid.world->size() || shares_one_memory(*grid.world)) return std::nullopt;
  const BandwidthMatrix first = measure_bandwidth(*grid.world);
  if (!rank_order_warning(first, tp)) return std::nullopt;
  return rank_order_warning(in_favour_of_order(first, measure_bandwidth(*grid.world), tp), tp);
}

std::string to_table(const BandwidthMatrix& matrix) {
  std::string table = "GB/s   ";
  for (int b = 0; b < matrix.ranks(); ++b) table += fmt::format(" {:>6}", b);
  for (int a = 0; a < matrix.ranks(); ++a) {
    table += fmt::format("\n{:>6} ", a);
    for (int b = 0; b < matrix.ranks(); ++b) {
      table += matrix(a, b) > 0 ? fmt::format(" {:>6.1f}", 1e-9 * matrix(a, b)) : fmt::format(" {:>6}", "-");
    }
  }
  return table + "\n";
}

// Groups of ranks joined by fast links: the search behind rank_order_warning.

namespace {
constexpr double kWorthATelling = 1.5;  // a better order must be so much faster
constexpr double kAsGood = 0.8;         // links are of one kind down to this fraction: measurements scatter
constexpr int kMaxTrials = 100000;      // of partners, a search; a few hundred are enough for 8 ranks

// Divides the ranks into groups of tp in which every link reaches a bandwidth, lowest ranks first; gives up after
// kMaxTrials.
class Grouping {
 public:
  Grouping(const BandwidthMatrix& matrix, int tp, double least)
      : matrix_(matrix), tp_(tp), least_(least), taken_(static_cast<std::size_t>(matrix.ranks()), false) {}

  // Group after group; empty where there is no such division.
  std::vector<int> order() {
    if (!fill(0)) order_.clear();
    return order_;
  }

 private:
  bool fill(int from) {
    if (static_cast<int>(order_.size()) == matrix_.ranks()) return true;
    const bool opens_group = static_cast<int>(order_.size()) % tp_ == 0;
    for (int rank = opens_group ? 0 : from; rank < matrix_.ranks(); ++rank) {
      if (taken_[static_cast<std::size_t>(rank)]) continue;
      if (++trials_ > kMaxTrials) return false;
      if (fits(rank) && place(rank)) return true;
      if (opens_group) return false;  // the lowest free rank belongs somewhere
    }
    return false;
  }

  bool place(int rank) {
    taken_[static_cast<std::size_t>(rank)] = true;
    order_.push_back(rank);
    if (fill(rank + 1)) return true;
    order_.pop_back();
    taken_[static_cast<std::size_t>(rank)] = false;
    return false;
  }

  bool fits(int rank) const {
    const auto members = static_cast<std::ptrdiff_t>(order_.size()) % tp_;
    return std::all_of(order_.end() - members, order_.end(), [&](int other) { return matrix_(rank, other) >= least_; });
  }

  const BandwidthMatrix& matrix_;
  const int tp_;
  const double least_;
  std::vector<bool> taken_;
  std::vector<int> order_;
  int trials_ = 0;
};

struct Link {
  int a = 0, b = 0;
  double bandwidth = 0;
};

Link slowest_link_inside_groups(const BandwidthMatrix& matrix, int tp) {
  Link slowest;
  for (int a = 0; a < matrix.ranks(); ++a) {
    for (int b = a + 1; b < (a / tp + 1) * tp; ++b) {
      if (slowest.bandwidth == 0 || matrix(a, b) < slowest.bandwidth) slowest = {a, b, matrix(a, b)};
    }
  }
  return slowest;
}

// The largest bandwidth that every link inside the groups of some order reaches.
double best_slowest_link(const BandwidthMatrix& matrix, int tp, double at_least) {
  std::vector<double> candidates;
  for (int a = 0; a < matrix.ranks(); ++a) {
    for (int b = a + 1; b < matrix.ranks(); ++b) {
      if (matrix(a, b) > at_least) candidates.push_back(matrix(a, b));
    }
  }
  std::sort(candidates.begin(), candidates.end());
  const auto reached = [&](double bandwidth) { return !Grouping(matrix, tp, bandwidth).order().empty(); };
  const auto end = std::partition_point(candidates.begin(), candidates.end(), reached);
  return end == candidates.begin() ? at_least : *(end - 1);
}

// The fastest link of a rank.
Link fastest_link_of(const BandwidthMatrix& matrix, int rank) {
  Link fastest{rank, rank, 0};
  for (int other = 0; other < matrix.ranks(); ++other) {
    if (matrix(rank, other) > fastest.bandwidth) fastest = {rank, other, matrix(rank, other)};
  }
  return fastest;
}
}  // namespace

std::optional<std::string> rank_order_warning(const BandwidthMatrix& matrix, int tp) {
  if (tp <= 1 || tp >= matrix.ranks() || matrix.ranks() % tp != 0 || !matrix.complete()) return std::nullopt;
  const Link slow = slowest_link_inside_groups(matrix, tp);
  const double best = best_slowest_link(matrix, tp, slow.bandwidth);
  if (best < kWorthATelling * slow.bandwidth) return std::nullopt;
  const std::vector<int> order = Grouping(matrix, tp, kAsGood * best).order();
  if (order.empty()) return std::nullopt;
  const Link fast = fastest_link_of(matrix, slow.a);
  return fmt::format(
      "ranks {} and {} exchange {:.1f} GB/s, ranks {} and {} {:.1f} GB/s: tp groups of {} neighbours use slow links; "
      "start the ranks in the order {} (a rank file of mpirun, or CUDA_VISIBLE_DEVICES on one node)",
      slow.a, slow.b, 1e-9 * slow.bandwidth, fast.a, fast.b, 1e-9 * fast.bandwidth, tp, fmt::join(order, " "));
}

}  // namespace recpo::parallel
