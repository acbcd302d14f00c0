#include "src/text/byte_pair_encoder.hpp"

#include <algorithm>
#include <queue>

namespace recpo::text {
namespace {

// Tokens of a piece while it is merged: a doubly linked list in one array.
struct Node {
  std::int32_t id;
  std::int32_t previous, next;  // -1 at the ends
};

// A merge that was possible when it was noted; it still is when both tokens are there.
struct Candidate {
  const Merge* merge;
  std::int32_t position;
};

struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.merge->rank != b.merge->rank ? a.merge->rank > b.merge->rank : a.position > b.position;
  }
};

class PieceMerger {
 public:
  PieceMerger(const PairTable& merges, std::vector<Node> nodes) : merges_(merges), nodes_(std::move(nodes)) {
    for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(nodes_.size()); ++i) note(i);
  }

  void run() {
    while (!candidates_.empty()) {
      const Candidate candidate = candidates_.top();
      candidates_.pop();
      Node& left = nodes_[candidate.position];
      if (left.id != candidate.merge->left || left.next < 0) continue;
      Node& right = nodes_[left.next];
      if (right.id != candidate.merge->right) continue;
      left.id = candidate.merge->result;
      right.id = BytePairEncoder::kNoToken;
      left.next = right.next;
      if (left.next >= 0) nodes_[left.next].previous = candidate.position;
      if (left.previous >= 0) note(left.previous);
      if (left.next >= 0) note(candidate.position);
    }
  }

  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  void note(std::int32_t position) {
    const Node& left = nodes_[position];
    if (const Merge* merge = merges_.find(left.id, nodes_[left.next].id)) candidates_.push({merge, position});
  }

  const PairTable& merges_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> candidates_;
};
}  // namespace

BytePairEncoder::BytePairEncoder(const std::array<std::int32_t, 256>& byte_ids, const std::vector<Merge>& merges)
    : byte_ids_(byte_ids), merges_(merges.size()) {
  for (const Merge& merge : merges) merges_.insert(merge);
}

void BytePairEncoder::add_whole_piece(std::string bytes, std::int32_t id, bool needs_merges) {
  if (needs_merges) {
    std::vector<std::int32_t> ids;
    merge_bytes(bytes, ids);
    if (ids.size() != 1 || ids[0] != id) return;
  }
  whole_pieces_.insert_or_assign(std::move(bytes), id);
}

void BytePairEncoder::encode(std::string_view piece, std::vector<std::int32_t>& ids) const {
  const auto whole = whole_pieces_.find(piece);
  if (whole != whole_pieces_.end()) {
    ids.push_back(whole->second);
  } else {
    merge_bytes(piece, ids);
  }
}

void BytePairEncoder::merge_bytes(std::string_view piece, std::vector<std::int32_t>& ids) const {
  std::vector<Node> nodes;
  nodes.reserve(piece.size());
  for (const char byte : piece) {
    const std::int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    const auto position = static_cast<std::int32_t>(nodes.size());
    if (id != kNoToken) nodes.push_back({id, position - 1, position + 1});
  }
  if (nodes.empty()) return;
  nodes.back().next = -1;
  PieceMerger merger(merges_, std::move(nodes));
  merger.run();
  for (const Node& node : merger.nodes()) {
    if (node.id != kNoToken) ids.push_back(node.id);
  }
}

}  // namespace recpo::text
