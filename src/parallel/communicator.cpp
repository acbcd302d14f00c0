#include "src/parallel/communicator.hpp"

#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
class Done final : public Pending {
 public:
  void wait(const ExecSpace&) override {}
};
}  // namespace

void Communicator::all_reduce_sum(const ExecSpace& exec, Buffer data) {
  if (size() == 1 || data.size == 0) return;
  traffic_.all_reduce += 2 * data.size * (size() - 1) / size() * bytes_of(data.element);
  sum_all(exec, data);
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

}  // namespace recpo::parallel
