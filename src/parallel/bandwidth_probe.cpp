#include "src/parallel/bandwidth_probe.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
constexpr std::int64_t kElements = std::int64_t{1} << 19;  // 2 MiB each way
constexpr int kRepeats = 3;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Bytes a second of the best of some exchanges with `peer`.
double measure_pair(Communicator& world, int peer, const OwnedVector<float>& mine, const OwnedVector<float>& theirs) {
  const ExecSpace exec;
  double best = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto start = Clock::now();
    world.exchange(exec, peer, mine, theirs);
    best = std::max(best, static_cast<double>(Buffer(mine).bytes()) / seconds_since(start));
  }
  return best;
}

std::string bytes_of(const std::vector<double>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)};
}

// A pair is as fast as its slower end saw it.
BandwidthMatrix joined(const std::vector<std::string>& rows) {
  const int ranks = static_cast<int>(rows.size());
  std::vector<std::vector<double>> seen(rows.size(), std::vector<double>(rows.size()));
  for (std::size_t r = 0; r < rows.size(); ++r) std::memcpy(seen[r].data(), rows[r].data(), rows[r].size());
  BandwidthMatrix matrix(ranks);
  for (int a = 0; a < ranks; ++a) {
    for (int b = a + 1; b < ranks; ++b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      matrix.set(a, b, std::min(seen[i][j], seen[j][i]));
    }
  }
  return matrix;
}
// Ranks that compute on the host they share: what differs between their pairs is who had a core at the time.
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

// The circle method: rank `last` stays, the others move on by one seat a round; with an odd number `last` is nobody.
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

BandwidthMatrix measure_bandwidth(Communicator& world, double limit_seconds) {
  const int ranks = world.size();
  if (ranks == 1) return BandwidthMatrix(1);
  const OwnedVector<float> mine("recpo::parallel::probe_sent", kElements);
  const OwnedVector<float> theirs("recpo::parallel::probe_received", kElements);
  const Vector<float> hello(mine.data(), 1), answer(theirs.data(), 1);
  std::vector<double> seen(static_cast<std::size_t>(ranks), 0.0);
  double spent = 0;
  for (int round = 0; round < tournament_rounds(ranks); ++round) {
    const int peer = tournament_partners(ranks, round)[static_cast<std::size_t>(world.rank())];
    if (peer != world.rank()) world.exchange(ExecSpace{}, peer, hello, answer);  // connects the two
    world.barrier();
    const auto start = Clock::now();
    if (peer != world.rank()) seen[static_cast<std::size_t>(peer)] = measure_pair(world, peer, mine, theirs);
    spent += 1e-6 * world.all_reduce_max(static_cast<int>(1e6 * std::min(seconds_since(start), 1000.0)));
    if (spent > limit_seconds) break;  // the same on every rank
  }
  return joined(world.all_gather(bytes_of(seen)));
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

}  // namespace recpo::parallel
