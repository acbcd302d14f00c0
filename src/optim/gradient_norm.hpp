#pragma once
// The global norm of gradients that are spread over ranks: every element counts once, those of norms (the same on all
// tensor-parallel shards) on shard 0. Summed in double over the chunks of parameter_shard.hpp in a fixed order, so the
// bits are those of one rank for 2, 4, .., 64 data-parallel ranks.

#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"

namespace recpo::optim {

// Collective over dp and tp. `gradients` are the slices of `shard`, whose ranks are those of dp.
template <class T>
double gradient_norm(const ExecSpace& exec, const model::ParameterStore<T>& store, const model::ParameterShard& shard,
                     const SliceGradients<T>& gradients, parallel::Communicator& dp, parallel::Communicator& tp);

}  // namespace recpo::optim
