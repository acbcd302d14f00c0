#pragma once
// Attention as cuDNN runs it, for one shape: causal, with an additive bias over pairs and a length for each sequence,
//   s = scale q k^T + bias,  p = softmax(s),  out = p v.
// Sequence b is lengths[b] rows: packed, those from offset[b] on; padded, those from row b S on. A plan is compiled at
// run time, which takes a second or two, and serves every batch of at most `batch` sequences of at most `rows` rows.
// Its results repeat to the bit. Host code only: pointers are to device memory, calls are asynchronous on the stream.
// Storage is bfloat16, sums are float.

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

struct CUstream_st;

namespace recpo::kernels {

// Where fused attention finds its rows. cuDNN's backward repeats to the bit on packed rows of some GPUs only (compute
// capability 9, not 8), on padded rows of all.
enum class AttentionLayout {
  kPacked,  // where they are: one tree's rows behind another's
  kPadded,  // in a copy [B, S, ..] with zeros behind each tree's rows
};

}  // namespace recpo::kernels

namespace recpo::cudnn {

using kernels::AttentionLayout;

struct AttentionPlanShape {
  int batch = 0, rows = 0;                    // B, S
  int heads = 0, kv_heads = 0, head_dim = 0;  // N, G, D
  AttentionLayout layout = AttentionLayout::kPacked;
  auto operator<=>(const AttentionPlanShape&) const = default;

  std::int64_t qkv_width() const { return std::int64_t{heads + 2 * kv_heads} * head_dim; }
  std::int64_t out_width() const { return std::int64_t{heads} * head_dim; }
};

// Rows are those of [T, (N + 2G) D] for q, k, v and their gradients, of [T, N D] for out and d_out, T = B S where they
// are padded; then they are finite behind a sequence's end too, and results there mean nothing. Heads begin on 16
// bytes. Offsets count elements from the tensors' first, for B sequences and, last, the end; lengths may be 0.
struct AttentionArguments {
  const void *q = nullptr, *k = nullptr, *v = nullptr;
  const void* bias = nullptr;        // [B, S, S] bfloat16, of every head
  const int* lengths = nullptr;      // [B]
  const int* qkv_offsets = nullptr;  // [B + 1], of packed rows only
  const int* out_offsets = nullptr;  // [B + 1], of packed rows only
  void* out = nullptr;               // assigned by the forward
  float* stats = nullptr;            // [B, N, S]: log sum exp s, assigned by the forward; the backward reads all of it
  const void* d_out = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;  // assigned by the backward
  void* workspace = nullptr;                         // workspace_bytes() of the plan
};

class AttentionPlan {
 public:
  struct Graphs;

  // For the current device; padded where cuDNN does not support packed rows. Throws kInternal with cuDNN's words.
  explicit AttentionPlan(const AttentionPlanShape& shape);
  ~AttentionPlan();

  const AttentionPlanShape& shape() const { return shape_; }
  // Most of it is the backward's: about 2 B N S^2.
  std::int64_t workspace_bytes() const;
  void forward(CUstream_st* stream, const AttentionArguments& arguments) const;
  void backward(CUstream_st* stream, const AttentionArguments& arguments) const;

 private:
  AttentionPlanShape shape_;
  std::unique_ptr<Graphs> graphs_;
};

// A plan of the process that covers the shape (rounded up, so that there are few), made when first asked for; null
// where cuDNN supports it in no layout, which is logged once.
const AttentionPlan* find_attention_plan(const AttentionPlanShape& shape);
AttentionPlanShape round_up(const AttentionPlanShape& shape);
// Before the device is given back: plans and handle.
void release_attention_plans();

// Whether cuDNN supports forward and backward, in the shape's layout, on a device that need not be here. Empty: it
// does; else its words. `device_properties` is cuDNN's JSON description of the device, of which compute_capability is
// 86, 90, ...
std::string attention_unsupported_reason(const AttentionPlanShape& shape, const std::string& device_properties,
                                         int compute_capability);

}  // namespace recpo::cudnn
