#include "src/plan/node.hpp"

namespace recpo::plan {

Link Node::link(int size, int reach) const {
  if (all_to_all || (reach <= bridge_ranks && bridge_ranks % reach == 0)) return bridge;
  // Two neighbours have their links to themselves; wider groups share those of the host.
  if (size == 2 && reach == 2) return pair;
  return {shared_bandwidth, pair.latency};
}

Node Node::without_bridges() const {
  Node node = *this;
  node.bridge_ranks = 1;
  node.all_to_all = false;
  return node;
}

}  // namespace recpo::plan
