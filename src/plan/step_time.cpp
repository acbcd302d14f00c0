#include "src/plan/step_time.hpp"

#include <algorithm>

#include "src/model/llama.hpp"
#include "src/train/flops.hpp"

namespace recpo::plan {
namespace {

struct Passes {  // seconds
  double forward = 0, backward = 0;
};

// FLOPs of matrix products and elements read or written by everything else.
struct Amount {
  double flops = 0, elements = 0;
};

// Elements of the passes over one micro-batch, by hand from model/block.cpp, reads and writes: what is H wide is norms
// (4) and residuals (4), in the backward the norms' (8); scores are unfused, with softmax.
struct Elements {
  double hidden, query_key, feed_forward, scores;
};
constexpr Elements kForward{8, 2, 3, 4}, kBackward{8, 2, 5, 10}, kSelectiveAgain{4, 0, 3, 0}, kBlockAgain{6, 2, 3, 4};

double block_elements(const model::LlamaConfig& c, const Layout& layout, const TreeSize& size, const Elements& per) {
  const auto tokens = static_cast<double>(size.tokens), tp = static_cast<double>(layout.tp);
  const double hidden = per.hidden * static_cast<double>(c.hidden_size) / (layout.sequence_parallel ? tp : 1);
  const double columns = per.query_key * static_cast<double>(c.query_width() + c.key_value_width()) +
                         per.feed_forward * static_cast<double>(c.intermediate_size);
  return tokens * (hidden + columns / tp) +
         per.scores * size.seen_keys * static_cast<double>(c.num_attention_heads) / tp;
}

// A block's products again, all but the last one.
double block_again_flops(const model::LlamaConfig& c, const TreeSize& size) {
  const auto hidden = static_cast<double>(c.hidden_size);
  const double weights = hidden * (2.0 * static_cast<double>(c.query_width() + c.key_value_width()) +
                                   2.0 * static_cast<double>(c.intermediate_size));
  return 2 * (static_cast<double>(size.tokens) * weights + 2 * size.seen_keys * static_cast<double>(c.query_width()));
}

Passes micro_batch_time(const model::LlamaConfig& c, const Layout& layout, const Node& node, const TreeSize& size) {
  const auto blocks = static_cast<double>(c.num_hidden_layers);
  Amount forward{size.forward_flops, blocks * block_elements(c, layout, size, kForward)};
  Amount backward{train::backward_passes(layout.lora.exists()) * size.forward_flops,
                  blocks * block_elements(c, layout, size, kBackward)};
  if (layout.recompute == model::Recompute::kBlock) {
    backward.flops += (blocks - 1) * block_again_flops(c, size);
    backward.elements += (blocks - 1) * block_elements(c, layout, size, kBlockAgain);
  } else if (layout.recompute == model::Recompute::kSelective) {
    backward.elements += (blocks - 1) * block_elements(c, layout, size, kSelectiveAgain);
  }
  const auto rows = static_cast<double>(size.logit_rows);
  if (size.logit_rows > model::LlamaCapacity{}.logit_rows) {  // logits of several chunks are computed again
    backward.flops += 2 * rows * static_cast<double>(c.hidden_size) * static_cast<double>(c.vocab_size);
  }
  const double logits = rows * static_cast<double>(c.vocab_size) / layout.tp;
  forward.elements += 2 * logits;
  backward.elements += 2 * logits;

  const auto tokens = static_cast<double>(size.tokens);
  const double rate = node.peak_flops * node.gemm_efficiency * tokens / (tokens + node.gemm_half_tokens);
  const auto seconds = [&](const Amount& a) {
    return a.flops / layout.tp / rate +
           a.elements * static_cast<double>(layout.precision.activation) / node.memory_bandwidth;
  };
  return {seconds(forward), seconds(backward)};
}

// Setting gradients to zero before a leaf and adding those of leaves that are done.
double leaf_time(const Layout& layout, const Node& node, double elements, const RankWork& work) {
  const auto leaves = static_cast<double>(work.leaves);
  const double added = layout.zero == 2 ? elements / layout.dp : elements;
  return (leaves * elements + 3 * (leaves - 1) * added) * static_cast<double>(layout.precision.gradient) /
         node.memory_bandwidth;
}

// AdamW's reads and writes of an element: the gradient twice (norm, update), master weight and moments both ways, the
// weight written (read, too, where it is its own master).
double optimizer_bytes(const Precision& p) {
  return static_cast<double>(2 * p.gradient + 2 * p.master + 4 * p.moment + (p.master > 0 ? 1 : 2) * p.weight);
}

// Seconds that a collective adds to a step when up to `window` seconds of it can go on under a pass.
double added(const RingTraffic& sent, const Link& link, const Node& node, double window) {
  constexpr double kAccesses =
      3;  // of memory for a byte sent: the own part and the neighbour's read, their sum written
  const double seconds = sent.seconds(link), hidden = std::min(seconds, window);
  return seconds - hidden + hidden * link.bandwidth * kAccesses / node.memory_bandwidth;
}

StepTime rank_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node,
                   double elements, int rank) {
  const Link link = node.data_link(layout.tp, layout.dp);
  const RankWork work = rank_work(workload, layout, rank);
  const DataTraffic traffic = data_traffic(config, layout, work);
  StepTime time;
  double last_backward = 0, first_forward = 0;
  for (const MicroBatch& micro : work.micro_batches) {
    const Passes passes = micro_batch_time(config, layout, node, micro.sum);
    time.compute += passes.forward + passes.backward;
    if (first_forward == 0) first_forward = passes.forward;
    last_backward = passes.backward;
    if (micro.last_of_leaf && layout.zero == 2) {
      time.data += added(traffic.leaf_gradients, link, node, node.overlap * passes.backward);
    }
  }
  if (layout.zero != 2) time.data += added(traffic.leaf_gradients, link, node, node.overlap * last_backward);
  time.data = std::max(time.data, traffic.last_bucket.seconds(link));
  time.data += added(traffic.gathered, link, node, layout.zero == 0 ? 0 : node.overlap * first_forward);
  time.data += traffic.norm.seconds(link);
  time.compute += leaf_time(layout, node, elements, work);
  time.tensor = tensor_traffic(config, layout, work).seconds(node.tensor_link(layout.tp));
  time.optimizer =
      elements / (layout.zero == 0 ? 1 : layout.dp) * optimizer_bytes(layout.precision) / node.memory_bandwidth;
  return time;
}

}  // namespace

StepTime step_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node) {
  const model::StoreLayout store = trained_layout(config, layout);
  StepTime longest;
  for (int rank = 0; rank < layout.dp; ++rank) {
    const StepTime time = rank_time(config, workload, layout, node, static_cast<double>(store.size), rank);
    if (time.total() > longest.total()) longest = time;
  }
  return longest;
}

}  // namespace recpo::plan
