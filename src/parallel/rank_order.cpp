// Groups of ranks joined by fast links: the search behind rank_order_warning.
#include <fmt/format.h>

#include <algorithm>

#include "src/parallel/bandwidth_probe.hpp"

namespace recpo::parallel {
namespace {
constexpr double kWorthATelling = 1.5;  // a better order must be so much faster
constexpr double kAsGood = 0.8;         // links are of one kind down to this fraction: measurements scatter
constexpr int kMostTrials = 100000;     // of partners, a search; a few hundred are enough for 8 ranks

// Divides the ranks into groups of tp in which every link reaches a bandwidth, lowest ranks first; gives up after
// kMostTrials.
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
      if (++trials_ > kMostTrials) return false;
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
