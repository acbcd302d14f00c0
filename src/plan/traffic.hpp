#pragma once
// Bytes and hops of a step's collectives, counted from the trainer's own course (train/data_parallel.cpp,
// model/block.cpp, model/decoder.cpp, model/head.cpp) as parallel::Communicator counts them.

#include "src/parallel/communicator.hpp"
#include "src/plan/node.hpp"
#include "src/plan/workload.hpp"
#include "src/train/metrics.hpp"

namespace recpo::plan {

// What one rank sends to the others of its axis.
class RingTraffic {
 public:
  explicit RingTraffic(int ranks) : ranks_(ranks) {}
  void all_reduce(std::int64_t elements, std::int64_t element_bytes);
  void reduce_scatter(std::int64_t elements, std::int64_t element_bytes);
  void all_gather(std::int64_t elements, std::int64_t element_bytes);

  const parallel::Traffic& sent() const { return sent_; }
  double seconds(const Link& link) const {
    return static_cast<double>(sent_.total()) / link.bandwidth + static_cast<double>(hops_) * link.latency;
  }

 private:
  int ranks_;
  parallel::Traffic sent_;
  std::int64_t hops_ = 0;
};

// Of tensor parallelism in a data-parallel rank's step.
RingTraffic tensor_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work);

// Of data parallelism: the parts of a step, which hide under different work.
struct DataTraffic {
  RingTraffic last_bucket;         // of leaf_gradients: the embedding's, complete when the backward pass is over
  RingTraffic leaf_gradients;      // reduce-scatter of all gradients, each time they leave
  std::int64_t times = 1;          // that they leave in a step: once, or with every leaf (ZeRO 2)
  RingTraffic gathered;            // all-gather of gradients (ZeRO 0) or weights, once
  RingTraffic norm;                // of the gradient
  parallel::Traffic sent() const;  // in a step
};
DataTraffic data_traffic(const model::LlamaConfig& config, const Layout& layout, const RankWork& work);

// comm_bytes of metrics.jsonl: means over ranks.
train::SentBytes sent_bytes(const model::LlamaConfig& config, const Workload& workload, const Layout& layout);

}  // namespace recpo::plan
