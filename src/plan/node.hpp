#pragma once
// The machine a plan is for: one node of equal ranks (a GPU each, or some cores of a CPU) and the links between them.
// Plain numbers, in bytes, seconds and FLOP; read from a file of inputs/nodes or measured (below).
//
// Time of a collective, counted as for rings: bytes a rank sends / bandwidth + hops x latency.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "src/model/options.hpp"
#include "src/parallel/communicator.hpp"

namespace recpo::plan {

struct Link {
  double bandwidth = 1;  // bytes a second, one direction
  double latency = 0;    // seconds, one hop
};

struct Node {
  std::string name;
  int ranks = 1;
  model::Precision precision = model::Precision::kFp32;  // of training, which peak_flops is for; not kAuto
  double memory = 0, reserve = 0;                        // bytes a rank; the reserve is not the program's
  double peak_flops = 1;                                 // FLOP/s a rank
  double gemm_efficiency = 1;                            // of the peak, reached by large products of the model's shapes
  double gemm_half_tokens = 0;                           // a micro-batch of t tokens reaches t / (t + this) of that
  double memory_bandwidth = 1;                           // bytes a second a rank
  Link bridge, pair;            // between ranks of one bridge; between two others, when no one else sends
  double shared_bandwidth = 1;  // a rank's, when all ranks send over the links between bridges
  int bridge_ranks = 1;         // ranks 0 .. b-1 share a bridge, b .. 2b-1 the next; 1 = none
  bool all_to_all = false;      // a switch: every group of ranks has the bridge's link
  double overlap = 0;           // share of a pass under which data-parallel communication can hide

  double usable_memory() const { return memory - reserve; }
  // The link of a rank inside its tensor-parallel group (neighbours) and inside its data-parallel group (every tp-th).
  Link tensor_link(int tp) const { return link(tp, tp); }
  Link data_link(int tp, int dp) const { return link(dp, tp * dp); }
  Node without_bridges() const;

 private:
  // Of a group of `size` ranks that lie within `reach` neighbours.
  Link link(int size, int reach) const;
};

// A node description (inputs/nodes): a TOML file with every key once, units in the names.

// Throws kUsage naming file, line, key and what would be right: unknown, missing and doubled keys, values of the wrong
// kind or range.
Node read_node_file(const std::filesystem::path& path);
Node read_node_text(std::string_view text, const std::string& name);  // `name` appears in errors

// This machine, measured as a node of the program's ranks. Memory and cores are the host's, divided among the ranks.

// Whether it can be measured: a GPU's memory and links cannot be asked portably, so GPUs want a file.
bool node_can_be_measured();

// Collective over the world; takes about half a second: the rate of a large product, of a copy, and of an all-reduce
// where there are several ranks. `precision` is not kAuto. Throws kUsage where it cannot be measured.
Node measured_node(const parallel::ProcessGrid& grid, model::Precision precision);

}  // namespace recpo::plan
