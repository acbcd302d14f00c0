#include "src/parallel/communicator.hpp"

#include "src/support/check.hpp"
#include "src/support/units.hpp"

namespace recpo::parallel {
namespace {
class Done final : public Pending {
 public:
  void wait(const ExecSpace&) override {}
};

// The CPU's kernels are not left running into the time of a wait; a device goes on by itself.
void fence_on_host(const ExecSpace& exec) {
  if constexpr (kOnHost) exec.fence("recpo::communicator::wait");
}

// Adds the time it lives.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += seconds_since(start_); }

 private:
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};
}  // namespace

void Communicator::all_reduce_sum(const ExecSpace& exec, Buffer data) {
  if (size() == 1 || data.size == 0) return;
  traffic_.all_reduce += 2 * data.size * (size() - 1) / size() * bytes_of(data.element);
  fence_on_host(exec);
  const Stopwatch stopwatch(seconds_waiting_);
  sum_all(exec, data);
}

void Communicator::wait(const ExecSpace& exec, Pending& pending) {
  fence_on_host(exec);
  const Stopwatch stopwatch(seconds_waiting_);
  pending.wait(exec);
}

std::unique_ptr<Pending> Communicator::start_reduce_scatter_sum(const ExecSpace& exec, Buffer data) {
  if (size() == 1 || data.size == 0) return std::make_unique<Done>();
  RECPO_REQUIRE(data.size % size() == 0);
  traffic_.reduce_scatter += data.size / size() * (size() - 1) * bytes_of(data.element);
  return sum_slices(exec, data);
}

std::unique_ptr<Pending> Communicator::start_all_gather(const ExecSpace& exec, Buffer data) {
  if (size() == 1 || data.size == 0) return std::make_unique<Done>();
  RECPO_REQUIRE(data.size % size() == 0);
  traffic_.all_gather += data.size / size() * (size() - 1) * bytes_of(data.element);
  return gather_slices(exec, data);
}

bool Communicator::barrier_while(const std::function<bool()>&) {
  barrier();
  return true;
}

}  // namespace recpo::parallel
