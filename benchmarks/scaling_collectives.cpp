// Time and bandwidth of the collectives of training, as training runs them: for every grid tp x dp of the ranks, along
// the tp axis (neighbouring ranks) and the dp axis (ranks tp apart), all groups of an axis at once. Figures as
// nccl-tests define them: algorithm bandwidth = bytes of the whole buffer / time, bus bandwidth = that x 2 (R - 1) / R
// for an all-reduce, x (R - 1) / R for the others, which a perfect ring brings to the bandwidth of its links. A time is
// the slowest rank's, its median over the repeats; a barrier goes before each.
//   mpirun -np 8 scaling_collectives --max-bytes 67108864 --csv collectives.csv

#include <fmt/format.h>

#include <cstring>

#include "benchmarks/scaling_options.hpp"
#include "benchmarks/scaling_program.hpp"
#include "src/support/units.hpp"

namespace recpo::bench {
namespace {

constexpr std::int64_t kLeastBytes = 4096;
constexpr int kSizeFactor = 4, kLeastRepeats = 5, kMaxRepeats = 200;

using parallel::Communicator;

struct Collective {
  const char* name;
  void (*run)(Communicator&, const ExecSpace&, parallel::Buffer);
  double bus_factor;  // of (R - 1) / R
};
constexpr Collective kCollectives[] = {
    {"all_reduce", [](Communicator& axis, const ExecSpace& exec, parallel::Buffer b) { axis.all_reduce_sum(exec, b); },
     2},
    {"reduce_scatter",
     [](Communicator& axis, const ExecSpace& exec, parallel::Buffer b) { axis.reduce_scatter_sum(exec, b); }, 1},
    {"all_gather", [](Communicator& axis, const ExecSpace& exec, parallel::Buffer b) { axis.all_gather(exec, b); }, 1},
};

double seconds_of_one(const Collective& collective, Communicator& world, Communicator& axis,
                      const Vector<float>& data) {
  const ExecSpace exec;
  world.barrier();
  const auto start = Clock::now();
  collective.run(axis, exec, data);
  exec.fence("recpo::bench::collective");
  return seconds_since(start);
}

// For each repeat the slowest rank's time.
std::vector<double> slowest(Communicator& world, std::vector<double> seconds) {
  const std::string mine(reinterpret_cast<const char*>(seconds.data()), seconds.size() * sizeof(double));
  std::vector<double> theirs(seconds.size());
  for (const std::string& bytes : world.all_gather(mine)) {
    std::memcpy(theirs.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < seconds.size(); ++i) seconds[i] = std::max(seconds[i], theirs[i]);
  }
  return seconds;
}

struct Times {
  int repeats = 0;
  double median = 0, min = 0;  // seconds
};

// Collective over the world.
Times measure(const Collective& collective, Communicator& world, Communicator& axis, const Vector<float>& data,
              double seconds) {
  seconds_of_one(collective, world, axis, data);  // connections, memory
  const double one = slowest(world, {seconds_of_one(collective, world, axis, data)}).front();
  const int repeats = static_cast<int>(std::clamp(seconds / one, 1.0 * kLeastRepeats, 1.0 * kMaxRepeats));
  std::vector<double> times;
  for (int repeat = 0; repeat < repeats; ++repeat) times.push_back(seconds_of_one(collective, world, axis, data));
  times = slowest(world, times);
  std::sort(times.begin(), times.end());
  return {repeats, times[(times.size() - 1) / 2], times.front()};
}

class Report {
 public:
  Report(const CollectiveScalingOptions& options, const Program& program)
      : prints_(program.prints()),
        csv_(prints_ ? options.csv : "",
             "collective,axis,ranks,groups,bytes,repeats,median_us,min_us,algorithm_gb_per_s,bus_gb_per_s") {
    if (prints_)
      fmt::print("collective      axis  ranks  groups       bytes  repeats   median us   GB/s alg.    bus\n");
  }

  void add(const Collective& collective, const char* axis, int ranks, int groups, std::int64_t bytes,
           const Times& times) {
    if (!prints_) return;
    const double algorithm = 1e-9 * static_cast<double>(bytes) / times.median;
    const double bus = algorithm * collective.bus_factor * (ranks - 1) / ranks;
    fmt::print("{:<15} {:<4} {:>6} {:>7} {:>11} {:>8} {:>11.1f} {:>11.3f} {:>6.3f}\n", collective.name, axis, ranks,
               groups, bytes, times.repeats, 1e6 * times.median, algorithm, bus);
    std::fflush(stdout);
    csv_.line(fmt::format("{},{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g}", collective.name, axis, ranks, groups, bytes,
                          times.repeats, 1e6 * times.median, 1e6 * times.min, algorithm, bus));
  }

 private:
  const bool prints_;
  CsvFile csv_;
};

void measure_axis(const CollectiveScalingOptions& options, const Program& program, Communicator& world,
                  Communicator& axis, const char* name, const OwnedVector<float>& buffer, Report& report) {
  const int ranks = axis.size();
  if (ranks == 1) return;
  for (const Collective& collective : kCollectives) {
    program.watchdog.beat(collective.name);
    for (std::int64_t bytes = kLeastBytes; bytes <= options.max_bytes; bytes *= kSizeFactor) {
      const std::int64_t elements = bytes / 4 / ranks * ranks;
      const Vector<float> data(buffer.data(), static_cast<std::size_t>(elements));
      const Times times = measure(collective, world, axis, data, options.seconds);
      report.add(collective, name, ranks, world.size() / ranks, 4 * elements, times);
    }
  }
}

void measure_all(const CollectiveScalingOptions& options, const Program& program) {
  const int ranks = program.runtime.size();
  if (ranks == 1) throw_usage("one rank alone communicates with nobody: start with mpirun -np 2 or more");
  print_bandwidth(program);
  std::optional<Report> report;
  if (!together(program, [&] { report.emplace(options, program); })) return;
  const OwnedVector<float> buffer("recpo::bench::collective", static_cast<std::size_t>(options.max_bytes / 4));
  for (int tp = 1; tp <= ranks; ++tp) {
    if (ranks % tp != 0) continue;
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, tp);
    measure_axis(options, program, *grid.world, *grid.tp, "tp", buffer, *report);
    measure_axis(options, program, *grid.world, *grid.dp, "dp", buffer, *report);
  }
}

}  // namespace
}  // namespace recpo::bench

int main(int argc, char** argv) {
  return recpo::bench::run_program(argc, argv, recpo::bench::parse_collective_scaling, recpo::bench::measure_all);
}
