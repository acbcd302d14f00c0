#include "src/parallel/mpi_communicator.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
constexpr int kTag = 1;
constexpr std::int64_t kMessageElements = std::int64_t{1} << 26;  // MPI counts are int: long messages go in pieces

template <class T>
MPI_Datatype mpi_type();
template <>
MPI_Datatype mpi_type<float>() {
  return MPI_FLOAT;
}
template <>
MPI_Datatype mpi_type<double>() {
  return MPI_DOUBLE;
}

void check(int status) { RECPO_REQUIRE(status == MPI_SUCCESS); }

template <class T>
void send(MPI_Comm communicator, int to, const T* data, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kMessageElements) {
    check(
        MPI_Send(data + i, static_cast<int>(std::min(kMessageElements, n - i)), mpi_type<T>(), to, kTag, communicator));
  }
}

template <class T>
void receive(MPI_Comm communicator, int from, T* data, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kMessageElements) {
    check(MPI_Recv(data + i, static_cast<int>(std::min(kMessageElements, n - i)), mpi_type<T>(), from, kTag,
                   communicator, MPI_STATUS_IGNORE));
  }
}

// Both directions at once with one partner.
template <class T>
void exchange(MPI_Comm communicator, int partner, const T* out, std::int64_t out_n, T* in, std::int64_t in_n) {
  for (std::int64_t i = 0; i < std::max(out_n, in_n); i += kMessageElements) {
    const auto count = [i](std::int64_t n) {
      return static_cast<int>(std::clamp<std::int64_t>(n - i, 0, kMessageElements));
    };
    check(MPI_Sendrecv(out + std::min(i, out_n), count(out_n), mpi_type<T>(), partner, kTag, in + std::min(i, in_n),
                       count(in_n), mpi_type<T>(), partner, kTag, communicator, MPI_STATUS_IGNORE));
  }
}

template <class T>
void add_into(T* sum, const T* term, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] += term[i];
}

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};
}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm communicator) : communicator_(communicator) {
  check(MPI_Comm_rank(communicator_, &rank_));
  check(MPI_Comm_size(communicator_, &size_));
}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Comm_free(&communicator_);
}

template <class T>
void MpiCommunicator::tree_sum(const ExecSpace& exec, Vector<T> data) {
  exec.fence("recpo::mpi_communicator::tree_sum");
  auto host = Kokkos::create_mirror_view_and_copy(HostSpace{}, data);  // the same memory on the CPU
  const auto n = static_cast<std::int64_t>(data.extent(0));
  if (std::has_single_bit(static_cast<unsigned>(size_))) {
    butterfly_sum(host.data(), n);
  } else {
    binomial_sum(host.data(), n);
  }
  Kokkos::deep_copy(exec, data, host);
  exec.fence("recpo::mpi_communicator::tree_sum");
  sent_bytes_ += 2 * n * (size_ - 1) / size_ * static_cast<std::int64_t>(sizeof(T));
}

template <class T>
void MpiCommunicator::butterfly_sum(T* data, std::int64_t n) {
  std::vector<T> received(static_cast<std::size_t>((n + 1) / 2));
  std::vector<Range> kept{{0, n}};  // what this rank sums at each level
  for (int distance = 1; distance < size_; distance *= 2) {
    const Range whole = kept.back();
    const std::int64_t middle = whole.begin + whole.size() / 2;
    const Range lower{whole.begin, middle}, upper{middle, whole.end};
    const bool keeps_lower = (rank_ & distance) == 0;
    const Range mine = keeps_lower ? lower : upper, theirs = keeps_lower ? upper : lower;
    exchange(communicator_, rank_ ^ distance, data + theirs.begin, theirs.size(), received.data(), mine.size());
    add_into(data + mine.begin, received.data(), mine.size());
    kept.push_back(mine);
  }
  for (int distance = size_ / 2; distance >= 1; distance /= 2) {
    const Range mine = kept.back();
    kept.pop_back();
    const Range whole = kept.back();
    const Range theirs = mine.begin == whole.begin ? Range{mine.end, whole.end} : Range{whole.begin, mine.begin};
    exchange(communicator_, rank_ ^ distance, data + mine.begin, mine.size(), data + theirs.begin, theirs.size());
  }
}

template <class T>
void MpiCommunicator::binomial_sum(T* data, std::int64_t n) {
  std::vector<T> received(static_cast<std::size_t>(n));
  for (int distance = 1; distance < size_; distance *= 2) {
    if (rank_ % (2 * distance) == distance) {
      send(communicator_, rank_ - distance, data, n);
      break;
    }
    if (rank_ + distance < size_) {
      receive(communicator_, rank_ + distance, received.data(), n);
      add_into(data, received.data(), n);
    }
  }
  broadcast(std::as_writable_bytes(std::span<T>(data, static_cast<std::size_t>(n))), 0);
}

void MpiCommunicator::broadcast(std::span<std::byte> data, int root) {
  const auto n = static_cast<std::int64_t>(data.size());
  for (std::int64_t i = 0; i < n; i += kMessageElements) {
    check(
        MPI_Bcast(data.data() + i, static_cast<int>(std::min(kMessageElements, n - i)), MPI_BYTE, root, communicator_));
  }
}

int MpiCommunicator::all_reduce_max(int value) {
  int result = value;
  check(MPI_Allreduce(&value, &result, 1, MPI_INT, MPI_MAX, communicator_));
  return result;
}

std::vector<std::string> MpiCommunicator::all_gather(const std::string& mine) {
  const auto ranks = static_cast<std::size_t>(size_);
  long long size = static_cast<long long>(mine.size());
  std::vector<long long> sizes(ranks);
  check(MPI_Allgather(&size, 1, MPI_LONG_LONG, sizes.data(), 1, MPI_LONG_LONG, communicator_));
  std::vector<std::string> all(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    all[r] = static_cast<int>(r) == rank_ ? mine : std::string(static_cast<std::size_t>(sizes[r]), '\0');
    broadcast(std::as_writable_bytes(std::span<char>(all[r].data(), all[r].size())), static_cast<int>(r));
  }
  return all;
}

void MpiCommunicator::barrier() { check(MPI_Barrier(communicator_)); }

}  // namespace recpo::parallel
