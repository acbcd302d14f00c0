#include "src/parallel/mpi_communicator.hpp"

#include <algorithm>

#include "src/parallel/mpi_exchange.hpp"
#include "src/parallel/mpi_status.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
constexpr int kExchangeTag = 2;                                // apart from the messages of collectives
constexpr std::int64_t kMessageBytes = std::int64_t{1} << 28;  // MPI counts are int: long messages go in pieces

Vector<std::byte> as_bytes(const Buffer& buffer) {
  return Vector<std::byte>(static_cast<std::byte*>(buffer.data), static_cast<std::size_t>(buffer.bytes()));
}

template <template <class> class Exchange>
std::unique_ptr<Pending> start(const Axis& axis, const ExecSpace& exec, const Buffer& data) {
  const auto begin = [&]<class T>(T* elements) -> std::unique_ptr<Pending> {
    return std::make_unique<Exchange<T>>(axis, exec, Vector<T>(elements, data.size));
  };
  switch (data.element) {
    case Element::kBfloat16:
      return begin(static_cast<Bfloat16*>(data.data));
    case Element::kFloat32:
      return begin(static_cast<float*>(data.data));
    default:
      return begin(static_cast<double*>(data.data));
  }
}
}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm communicator) : communicator_(communicator) {
  require_success(MPI_Comm_rank(communicator_, &rank_));
  require_success(MPI_Comm_size(communicator_, &size_));
}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Comm_free(&communicator_);
}

void MpiCommunicator::sum_all(const ExecSpace& exec, const Buffer& data) {
  sum_slices(exec, data)->wait(exec);
  gather_slices(exec, data)->wait(exec);
}

std::unique_ptr<Pending> MpiCommunicator::sum_slices(const ExecSpace& exec, const Buffer& data) {
  return start<MpiReduceScatter>({communicator_, rank_, size_}, exec, data);
}

std::unique_ptr<Pending> MpiCommunicator::gather_slices(const ExecSpace& exec, const Buffer& data) {
  return start<MpiAllGather>({communicator_, rank_, size_}, exec, data);
}

void MpiCommunicator::exchange(const ExecSpace& exec, int peer, Buffer mine, Buffer theirs) {
  RECPO_REQUIRE(mine.bytes() == theirs.bytes() && peer != rank_);
  exec.fence("recpo::mpi_communicator::exchange");
  const auto sent = Kokkos::create_mirror_view_and_copy(HostSpace{}, as_bytes(mine));
  const auto received = Kokkos::create_mirror_view(HostSpace{}, as_bytes(theirs));
  for (std::int64_t i = 0; i < mine.bytes(); i += kMessageBytes) {
    const int n = static_cast<int>(std::min(kMessageBytes, mine.bytes() - i));
    require_success(MPI_Sendrecv(sent.data() + i, n, MPI_BYTE, peer, kExchangeTag, received.data() + i, n, MPI_BYTE,
                                 peer, kExchangeTag, communicator_, MPI_STATUS_IGNORE));
  }
  Kokkos::deep_copy(exec, as_bytes(theirs), received);  // nothing where they are the same memory
  exec.fence("recpo::mpi_communicator::exchange");
}

void MpiCommunicator::broadcast(std::span<std::byte> data, int root) {
  const auto n = static_cast<std::int64_t>(data.size());
  for (std::int64_t i = 0; i < n; i += kMessageBytes) {
    require_success(
        MPI_Bcast(data.data() + i, static_cast<int>(std::min(kMessageBytes, n - i)), MPI_BYTE, root, communicator_));
  }
}

int MpiCommunicator::all_reduce_max(int value) {
  int result = value;
  require_success(MPI_Allreduce(&value, &result, 1, MPI_INT, MPI_MAX, communicator_));
  return result;
}

std::vector<std::string> MpiCommunicator::all_gather(const std::string& mine) {
  const auto ranks = static_cast<std::size_t>(size_);
  long long size = static_cast<long long>(mine.size());
  std::vector<long long> sizes(ranks);
  require_success(MPI_Allgather(&size, 1, MPI_LONG_LONG, sizes.data(), 1, MPI_LONG_LONG, communicator_));
  std::vector<std::string> all(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    all[r] = static_cast<int>(r) == rank_ ? mine : std::string(static_cast<std::size_t>(sizes[r]), '\0');
    broadcast(std::as_writable_bytes(std::span<char>(all[r].data(), all[r].size())), static_cast<int>(r));
  }
  return all;
}

void MpiCommunicator::barrier() { require_success(MPI_Barrier(communicator_)); }

}  // namespace recpo::parallel
