#pragma once
// How tensor parallelism (Shoeybi et al. 2019) cuts a decoder into equal shards. Shard r of S holds
//   whole heads       q, k, v rows and o columns of N / S query heads and their G / S key/value heads
//   the feed-forward  F / S rows of gate and up, columns of down
//   the vocabulary    rows [r Vp, (r + 1) Vp) of embedding and head, Vp = ceil(V / S); rows beyond V are padding: zero
//                     weights, no part in any sum, never in a file
// and all of every norm. With `sequence`, a shard also holds only ceil(T / S) of a micro-batch's T tokens between the
// projections (Korthikanti et al. 2022): sums over shards become reduce-scatters, inputs of projections are gathered.

#include "src/model/config.hpp"
#include "src/parallel/communicator.hpp"

namespace recpo::model {

struct Shard {
  int rank = 0, size = 1;
};

// Throws kUsage where the shape cannot be cut so: tp must divide key/value heads, query heads, feed-forward and hidden
// size, and leave every shard a token.
void check_tensor_parallel(const LlamaConfig& config, int tp);

// The decoder of one shard: its heads, feed-forward width and (padded) vocabulary rows; hidden size unchanged.
LlamaConfig shard_config(const LlamaConfig& config, int tp);

struct VocabularyShard {
  int first = 0, count = 0;  // tokens; count leaves the padding out
};
VocabularyShard vocabulary_shard(const LlamaConfig& config, const Shard& shard);

// This rank's place among the shards. Without a communicator it serves to plan memory only.
struct TensorParallel {
  Shard place;
  bool sequence = false;
  parallel::Communicator* communicator = nullptr;

  TensorParallel() = default;
  TensorParallel(parallel::Communicator& shards, bool splits_tokens)
      : place{shards.rank(), shards.size()}, sequence(splits_tokens), communicator(&shards) {}
  TensorParallel(const Shard& planned, bool splits_tokens) : place(planned), sequence(splits_tokens) {}

  const Shard& shard() const { return place; }
  bool is_split() const { return place.size > 1; }
  bool splits_tokens() const { return sequence && is_split(); }
};

}  // namespace recpo::model
