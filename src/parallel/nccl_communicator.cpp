#include "src/parallel/nccl_communicator.hpp"

#include <cuda_runtime.h>
#include <nccl.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "src/parallel/mpi_communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
using std::chrono::milliseconds;
constexpr milliseconds kStartPoll{2}, kErrorPoll{100};

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw_error(ExitCode::kInternal, "CUDA: {}: {}", what, cudaGetErrorString(status));
}

ncclDataType_t nccl_type(Element element) {
  return element == Element::kBfloat16 ? ncclBfloat16 : element == Element::kFloat32 ? ncclFloat32 : ncclFloat64;
}

class Event {
 public:
  Event() { check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "creating an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  // `later` waits for what `earlier` holds now.
  void order(cudaStream_t earlier, cudaStream_t later) {
    check_cuda(cudaEventRecord(event_, earlier), "recording an event");
    check_cuda(cudaStreamWaitEvent(later, event_, 0), "waiting for an event");
  }
  void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "recording an event"); }
  void let_wait(cudaStream_t stream) { check_cuda(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

// The NCCL communicator with its stream and the thread that watches it.
class Channel {
 public:
  Channel(MPI_Comm communicator, int rank, int size) {
    ncclUniqueId id{};
    if (rank == 0) check(ncclGetUniqueId(&id), "making an id");
    MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, communicator);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const ncclResult_t started = ncclCommInitRankConfig(&nccl_, size, id, rank, &config);
    finish(started, "starting");
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
    watcher_ = std::thread([this] { watch(); });
  }

  ~Channel() {
    stop_ = true;
    watcher_.join();
    if (!failed_) {
      cudaStreamSynchronize(stream_);
      ncclCommFinalize(nccl_);
      ncclResult_t state = ncclInProgress;
      while (state == ncclInProgress && ncclCommGetAsyncError(nccl_, &state) == ncclSuccess) {
        std::this_thread::sleep_for(kStartPoll);
      }
      ncclCommDestroy(nccl_);
    }
    cudaStreamDestroy(stream_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ncclComm_t nccl() const { return nccl_; }
  cudaStream_t stream() const { return stream_; }

  // A non-blocking communicator answers "in progress" while a call is being set up.
  void finish(ncclResult_t result, const char* what) {
    while (result == ncclInProgress) {
      require_health();
      if (ncclCommGetAsyncError(nccl_, &result) != ncclSuccess) break;
      if (result == ncclInProgress) std::this_thread::sleep_for(kStartPoll);
    }
    check(result, what);
  }
  void require_health() const {
    if (failed_)
      throw_error(ExitCode::kInternal, "NCCL: {}: a rank or a link is lost; start the same command again",
                  ncclGetErrorString(error_));
  }

 private:
  void check(ncclResult_t result, const char* what) const {
    if (result == ncclSuccess) return;
    const char* detail = nccl_ != nullptr ? ncclGetLastError(nccl_) : "";
    throw_error(ExitCode::kInternal, "NCCL: {}: {} {}", what, ncclGetErrorString(result), detail);
  }

  void watch() {
    while (!stop_) {
      std::this_thread::sleep_for(kErrorPoll);
      ncclResult_t state = ncclSuccess;
      if (ncclCommGetAsyncError(nccl_, &state) != ncclSuccess) state = ncclSystemError;
      if (state == ncclSuccess || state == ncclInProgress) continue;
      error_ = state;
      failed_ = true;
      ncclCommAbort(nccl_);  // kernels that wait for a lost peer end
      return;
    }
  }

  ncclComm_t nccl_ = nullptr;
  cudaStream_t stream_ = nullptr;
  std::atomic<bool> stop_ = false, failed_ = false;
  std::atomic<ncclResult_t> error_ = ncclSuccess;
  std::thread watcher_;
};

class Launched final : public Pending {
 public:
  explicit Launched(Channel& channel) : channel_(channel) { event_.record(channel.stream()); }
  void progress() override { channel_.require_health(); }
  void wait(const ExecSpace& exec) override {
    channel_.require_health();
    event_.let_wait(exec.cuda_stream());
  }

 private:
  Channel& channel_;
  Event event_;
};

class NcclCommunicator final : public MpiCommunicator {
 public:
  explicit NcclCommunicator(MPI_Comm communicator)
      : MpiCommunicator(communicator), channel_(communicator, rank(), size()) {}

  void exchange(const ExecSpace& exec, int peer, const Buffer& mine, const Buffer& theirs) {
    launch(exec, [&] {
      ncclGroupStart();  // both at once: alone, each rank's send would wait for the other's receive
      ncclSend(mine.data, static_cast<std::size_t>(mine.bytes()), ncclInt8, peer, channel_.nccl(), channel_.stream());
      ncclRecv(theirs.data, static_cast<std::size_t>(mine.bytes()), ncclInt8, peer, channel_.nccl(), channel_.stream());
      return ncclGroupEnd();  // tells what any of them said
    })->wait(exec);
    exec.fence("recpo::nccl_communicator::exchange");
  }

 protected:
  void sum_all(const ExecSpace& exec, const Buffer& data) override {
    launch(exec, [&] {
      return ncclAllReduce(data.data, data.data, static_cast<std::size_t>(data.size), nccl_type(data.element), ncclSum,
                           channel_.nccl(), channel_.stream());
    })->wait(exec);
  }

  std::unique_ptr<Pending> sum_slices(const ExecSpace& exec, const Buffer& data) override {
    return launch(exec, [&] {
      return ncclReduceScatter(data.data, own_slice(data), slice_elements(data), nccl_type(data.element), ncclSum,
                               channel_.nccl(), channel_.stream());
    });
  }

  std::unique_ptr<Pending> gather_slices(const ExecSpace& exec, const Buffer& data) override {
    return launch(exec, [&] {
      return ncclAllGather(own_slice(data), data.data, slice_elements(data), nccl_type(data.element), channel_.nccl(),
                           channel_.stream());
    });
  }

 private:
  template <class Call>
  std::unique_ptr<Pending> launch(const ExecSpace& exec, const Call& call) {
    channel_.require_health();
    before_.order(exec.cuda_stream(), channel_.stream());
    channel_.finish(call(), "a collective");
    return std::make_unique<Launched>(channel_);
  }
  std::size_t slice_elements(const Buffer& data) const { return static_cast<std::size_t>(data.size / size()); }
  void* own_slice(const Buffer& data) const {
    return static_cast<std::byte*>(data.data) + data.bytes() / size() * rank();
  }

  Channel channel_;
  Event before_;
};
}  // namespace

bool has_nccl() { return true; }

std::string nccl_version() {
  int version = 0;
  ncclGetVersion(&version);
  return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

bool nccl_exchange(Communicator& communicator, const ExecSpace& exec, int peer, Buffer mine, Buffer theirs) {
  auto* nccl = dynamic_cast<NcclCommunicator*>(&communicator);
  if (nccl != nullptr) nccl->exchange(exec, peer, mine, theirs);
  return nccl != nullptr;
}

std::unique_ptr<Communicator> make_nccl_communicator(MPI_Comm communicator) {
  return std::make_unique<NcclCommunicator>(communicator);
}

}  // namespace recpo::parallel
