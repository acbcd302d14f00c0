#pragma once
// The machine a plan is for: one node of equal ranks (a GPU each, or some cores of a CPU) and the links between them.
// Plain numbers, in bytes, seconds and FLOP; from a file (app/node_file.hpp) or measured (plan/measure.hpp).
//
// Time of a collective, counted as for rings: bytes a rank sends / bandwidth + hops x latency.

#include <cstdint>
#include <string>

namespace recpo::plan {

struct Link {
  double bandwidth = 1;  // bytes a second, one direction
  double latency = 0;    // seconds, one hop
};

struct Node {
  std::string name;
  int ranks = 1;
  std::string precision = "fp32";  // of training, which peak_flops is for: fp32 | bf16
  double memory = 0, reserve = 0;  // bytes a rank; the reserve is not the program's
  double peak_flops = 1;           // FLOP/s a rank
  double gemm_efficiency = 1;      // of the peak, reached by large products of the model's shapes
  double gemm_half_tokens = 0;     // a micro-batch of t tokens reaches t / (t + this) of that
  double memory_bandwidth = 1;     // bytes a second a rank
  Link bridge, pair;               // between ranks of one bridge; between two others, when no one else sends
  double shared_bandwidth = 1;     // a rank's, when all ranks send over the links between bridges
  int bridge_ranks = 1;            // ranks 0 .. b-1 share a bridge, b .. 2b-1 the next; 1 = none
  bool all_to_all = false;         // a switch: every group of ranks has the bridge's link
  double overlap = 0;              // share of a pass under which data-parallel communication can hide

  double usable_memory() const { return memory - reserve; }
  // The link of a rank inside its tensor-parallel group (neighbours) and inside its data-parallel group (every tp-th).
  Link tensor_link(int tp) const { return link(tp, tp); }
  Link data_link(int tp, int dp) const { return link(dp, tp * dp); }
  Node without_bridges() const;

 private:
  // Of a group of `size` ranks that lie within `reach` neighbours.
  Link link(int size, int reach) const;
};

}  // namespace recpo::plan
