// A program without NCCL: CPU builds, and GPU builds where the library was not found.

#include "src/parallel/nccl_communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {

bool has_nccl() { return false; }
std::string nccl_version() { return "without NCCL"; }
bool nccl_exchange(Communicator&, const ExecSpace&, int, Buffer, Buffer) { return false; }
std::unique_ptr<Communicator> make_nccl_communicator(MPI_Comm) {
  throw_error(ExitCode::kInternal, "this program was built without NCCL");
}

}  // namespace recpo::parallel
