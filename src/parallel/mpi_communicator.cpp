#include "src/parallel/mpi_communicator.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <thread>

#include "src/support/check.hpp"
#include "src/support/memory_pool.hpp"

namespace recpo::parallel {
namespace {
constexpr std::chrono::milliseconds kPoll{2};
constexpr std::int64_t kMessageBytes = std::int64_t{1} << 28;  // MPI counts are int: long messages go in pieces

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
  if (!finalized && communicator_ != MPI_COMM_WORLD) MPI_Comm_free(&communicator_);
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

bool MpiCommunicator::barrier_while(const std::function<bool()>& keep_waiting) {
  MPI_Request request = MPI_REQUEST_NULL;
  require_success(MPI_Ibarrier(communicator_, &request));
  for (int done = 0;;) {
    require_success(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (done) return true;
    if (!keep_waiting()) return false;
    std::this_thread::sleep_for(kPoll);
  }
}

namespace {
constexpr int kTag = 1;                                           // MPI keeps the order of messages of one pair
constexpr std::int64_t kMessageElements = std::int64_t{1} << 26;  // MPI counts are int: long messages go in pieces
constexpr std::int64_t kBlockElements = 4096;                     // summed at a time, from the cache

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

template <>
MPI_Datatype mpi_type<Bfloat16>() {
  return MPI_UINT16_T;  // sums are formed here, not by MPI
}

template <class T>
void add_into(T* sum, const T* term, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) sum[i] += term[i];
}

// The binary tree over n elements of each of `terms`: the sum ends in the first.
template <class T>
void add_tree(const std::vector<T*>& terms, std::int64_t n) {
  for (std::size_t distance = 1; distance < terms.size(); distance *= 2) {
    for (std::size_t r = 0; r + distance < terms.size(); r += 2 * distance) {
      add_into(terms[r], terms[r + distance], n);
    }
  }
}

// The same in float, rounded once.
void add_tree(const std::vector<Bfloat16*>& terms, std::int64_t n) {
  std::vector<float> memory(terms.size() * static_cast<std::size_t>(n));
  std::vector<float*> wide;
  for (std::size_t r = 0; r < terms.size(); ++r) {
    wide.push_back(memory.data() + static_cast<std::int64_t>(r) * n);
    std::copy_n(terms[r], n, wide.back());
  }
  add_tree(wide, n);
  std::copy_n(wide.front(), n, terms.front());
}
}  // namespace

template <class T>
MpiExchange<T>::MpiExchange(const Axis& axis, const ExecSpace& exec, Vector<T> data) : axis_(axis), data_(data) {
  exec.fence("recpo::mpi_communicator::start");
  host_ = Kokkos::create_mirror_view_and_copy(HostSpace{}, data);
}

template <class T>
void MpiExchange<T>::send(int to, const SliceRange& range) {
  for (std::int64_t i = range.begin; i < range.end; i += kMessageElements) {
    const int count = static_cast<int>(std::min(kMessageElements, range.end - i));
    require_success(
        MPI_Isend(host() + i, count, mpi_type<T>(), to, kTag, axis_.communicator, &requests_.emplace_back()));
  }
}

template <class T>
void MpiExchange<T>::receive(int from, T* data, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kMessageElements) {
    const int count = static_cast<int>(std::min(kMessageElements, n - i));
    require_success(
        MPI_Irecv(data + i, count, mpi_type<T>(), from, kTag, axis_.communicator, &requests_.emplace_back()));
  }
}

template <class T>
void MpiExchange<T>::progress() {
  int done = 0;
  if (!done_)
    require_success(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE));
}

template <class T>
void MpiExchange<T>::wait(const ExecSpace& exec) {
  if (done_) return;
  require_success(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
  done_ = true;
  complete();
  Kokkos::deep_copy(exec, data_, host_);  // nothing where they are the same memory
}

template <class T>
bool MpiExchange<T>::drain() {
  if (done_) return true;
  if (std::uncaught_exceptions() > 0) {
    keep_memory_until_exit();
    leave_memory(host_);
    return false;
  }
  MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  return done_ = true;
}

template <class T>
MpiReduceScatter<T>::MpiReduceScatter(const Axis& axis, const ExecSpace& exec, Vector<T> data)
    : MpiExchange<T>(axis, exec, data) {
  const std::int64_t own = this->slice(axis.rank).size();
  received_ = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>((axis.size - 1) * own));
  T* place = received_.get();
  for (int r = 0; r < axis.size; ++r) {
    if (r == axis.rank) continue;
    this->receive(r, place, own);
    place += own;
  }
  for (int step = 1; step < axis.size; ++step) {  // each rank begins with another partner
    const int to = (axis.rank + step) % axis.size;
    this->send(to, this->slice(to));
  }
}

template <class T>
void MpiReduceScatter<T>::complete() {
  const Axis& axis = this->axis_;
  const SliceRange own = this->slice(axis.rank);
  T* mine = this->host() + own.begin;
  std::vector<T*> terms(static_cast<std::size_t>(axis.size));
  for (std::int64_t begin = 0; begin < own.size(); begin += kBlockElements) {
    const std::int64_t n = std::min(kBlockElements, own.size() - begin);
    T* place = received_.get() + begin;
    for (int r = 0; r < axis.size; ++r) {
      terms[static_cast<std::size_t>(r)] = r == axis.rank ? mine + begin : place;
      if (r != axis.rank) place += own.size();
    }
    add_tree(terms, n);
    if (axis.rank != 0) std::copy_n(terms[0], n, mine + begin);
  }
}

template <class T>
MpiAllGather<T>::MpiAllGather(const Axis& axis, const ExecSpace& exec, Vector<T> data)
    : MpiExchange<T>(axis, exec, data) {
  for (int r = 0; r < axis.size; ++r) {
    if (r != axis.rank) this->receive(r, this->host() + this->slice(r).begin, this->slice(r).size());
  }
  for (int step = 1; step < axis.size; ++step) this->send((axis.rank + step) % axis.size, this->slice(axis.rank));
}

// Any element of a message (communicator.hpp).
#define RECPO_INSTANTIATE(T)          \
  template class MpiExchange<T>;      \
  template class MpiReduceScatter<T>; \
  template class MpiAllGather<T>;
RECPO_INSTANTIATE(float)
RECPO_INSTANTIATE(double)
RECPO_INSTANTIATE(Bfloat16)
#undef RECPO_INSTANTIATE

}  // namespace recpo::parallel
