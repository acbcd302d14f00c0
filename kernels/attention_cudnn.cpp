// The fused form of attention by cuDNN. Around its call, small kernels place what cuDNN wants besides the operands:
// each span's begin and length, the bias, the log-sum-exp in its own order and, where rows are padded, copies of the
// operands.

#include <algorithm>
#include <limits>

#include "kernels/attention_fused.hpp"
#include "kernels/cudnn/attention_plan.hpp"
#include "kernels/cudnn/library.hpp"
#include "kernels/reductions.hpp"
#include "kernels/row.hpp"
#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

namespace {

const cudnn::AttentionPlan* find_plan(const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                                      AttentionLayout layout) {
  static const bool released_at_the_end = [] {
    Kokkos::push_finalize_hook(cudnn::release_attention_plans);
    return true;
  }();
  static_cast<void>(released_at_the_end);
  std::int64_t rows = 1;
  for (const AttentionSpan& span : spans) rows = std::max(rows, span.query_end - span.query_begin);
  return cudnn::find_attention_plan({.batch = static_cast<int>(spans.size()),
                                     .rows = static_cast<int>(rows),
                                     .heads = shape.heads,
                                     .kv_heads = shape.kv_heads,
                                     .head_dim = shape.head_dim,
                                     .layout = layout});
}

std::int64_t aligned(std::int64_t bytes) { return recpo::round_up(bytes, 256); }

// The caller's workspace, cut up. With a null begin it only counts.
struct FusedMemory {
  FusedMemory(const cudnn::AttentionPlan& plan, float* begin)
      : base(reinterpret_cast<std::intptr_t>(begin)), end(aligned(base)) {
    const cudnn::AttentionPlanShape& shape = plan.shape();
    const std::int64_t batch = shape.batch, rows = shape.rows;
    begins = take<int>(batch + 1);
    lengths = take<int>(batch);
    qkv_offsets = take<int>(batch + 1);
    out_offsets = take<int>(batch + 1);
    bias = take<Bfloat16>(batch * rows * rows);
    stats = take<float>(batch * shape.heads * rows);
    if (shape.layout == AttentionLayout::kPadded) {
      qkv = take<Bfloat16>(batch * rows * shape.qkv_width());
      d_qkv = take<Bfloat16>(batch * rows * shape.qkv_width());
      out = take<Bfloat16>(batch * rows * shape.out_width());
      d_out = take<Bfloat16>(batch * rows * shape.out_width());
    }
    cudnn = take<char>(plan.workspace_bytes());
  }
  std::int64_t bytes() const { return end - base; }

  int *begins, *lengths, *qkv_offsets, *out_offsets;
  Bfloat16* bias;
  float* stats;
  Bfloat16 *qkv = nullptr, *d_qkv = nullptr, *out = nullptr, *d_out = nullptr;  // padded rows
  char* cudnn;

 private:
  template <class Element>
  Element* take(std::int64_t count) {
    Element* taken = reinterpret_cast<Element*>(end);
    end = aligned(end + count * static_cast<std::int64_t>(sizeof(Element)));
    return taken;
  }
  std::int64_t base, end;
};

// Spans that travel inside a kernel's functor, few enough for its fast launch.
struct SpanTable {
  static constexpr int kCapacity = 32;
  int first = 0, count = 0;
  int begin[kCapacity] = {}, length[kCapacity] = {};
};

// Begins, lengths and offsets of B sequences and the end; those behind the spans are empty.
void place_spans(const ExecSpace& exec, const std::vector<AttentionSpan>& spans, const cudnn::AttentionPlanShape& plan,
                 const FusedMemory& memory) {
  const int batch = plan.batch, qkv_width = static_cast<int>(plan.qkv_width()),
            out_width = static_cast<int>(plan.out_width());
  int *begins = memory.begins, *lengths = memory.lengths, *qkv_offsets = memory.qkv_offsets,
      *out_offsets = memory.out_offsets;
  SpanTable table;
  for (int i = 0; i <= batch; ++i) {
    const bool exists = i < static_cast<int>(spans.size());
    const AttentionSpan& span = exists ? spans[i] : spans.back();
    table.begin[table.count] = static_cast<int>(exists ? span.query_begin : span.query_end);
    table.length[table.count++] = static_cast<int>(exists ? span.query_end - span.query_begin : 0);
    if (table.count < SpanTable::kCapacity && i < batch) continue;
    for_each_element(
        exec, "recpo::attention::place_spans", table.count, KOKKOS_LAMBDA(std::int64_t entry) {
          const int at = table.first + static_cast<int>(entry), begin = table.begin[entry];
          begins[at] = begin;
          if (at < batch) lengths[at] = table.length[entry];
          qkv_offsets[at] = begin * qkv_width;
          out_offsets[at] = begin * out_width;
        });
    table.first += table.count;
    table.count = 0;
  }
}

// Eight neighbouring elements of the bias: one store.
struct alignas(16) BiasVector {
  static constexpr int kWidth = 8;
  Bfloat16 element[kWidth];
};

// bias [B, S, S] from the mask: 0 where the pair sees each other, else so low that its weight is 0 next to any score
// and yet finite. Rows behind a span's last are 0 too.
void fill_bias(const ExecSpace& exec, const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
               const cudnn::AttentionPlanShape& plan, const FusedMemory& memory) {
  const int rows = plan.rows, vectors = rows / BiasVector::kWidth;
  const int *begins = memory.begins, *lengths = memory.lengths;
  BiasVector* bias = reinterpret_cast<BiasVector*>(memory.bias);
  for_each_row(
      exec, "recpo::attention::bias", static_cast<std::int64_t>(spans.size()) * rows, vectors,
      KOKKOS_LAMBDA(const Row& row) {
        const int sequence = static_cast<int>(row.index() / rows), local = static_cast<int>(row.index() % rows);
        const int begin = begins[sequence], query = begin + local;
        const bool exists = local < lengths[sequence];
        const int prefix = exists ? mask.prefix_end(query) - begin : rows;
        const int own_begin = exists ? mask.own_begin(query) - begin : 0;
        const int own_end = exists ? mask.own_end(query) - begin : 0;
        row.for_each(vectors, [&](int i) {
          BiasVector vector;
          for (int e = 0; e < BiasVector::kWidth; ++e) {
            const int key = i * BiasVector::kWidth + e;
            const bool seen = key < prefix || (key >= own_begin && key < own_end);
            vector.element[e] = Bfloat16::from_bits(seen ? 0 : 0xF180);  // -2^100
          }
          bias[row.index() * vectors + i] = vector;
        });
      });
}

// f(stat, token, head) for all elements of stats [B, N, S], token -1 behind the end of its sequence.
template <class F>
void for_each_stat(const ExecSpace& exec, const cudnn::AttentionPlanShape& plan, const FusedMemory& memory,
                   const char* label, const F& f) {
  const int rows = plan.rows, heads = plan.heads;
  const int *begins = memory.begins, *lengths = memory.lengths;
  float* stats = memory.stats;
  for_each_row(
      exec, label, std::int64_t{plan.batch} * rows, heads, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t sequence = row.index() / rows, local = row.index() % rows;
        const std::int64_t token = local < lengths[sequence] ? begins[sequence] + local : -1;
        row.for_each(heads, [&](int head) { f(stats[(sequence * heads + head) * rows + local], token, head); });
      });
}

void keep_lse(const ExecSpace& exec, const cudnn::AttentionPlanShape& plan, const FusedMemory& memory,
              Matrix<float> lse) {
  for_each_stat(
      exec, plan, memory, "recpo::attention::keep_lse", KOKKOS_LAMBDA(float& stat, std::int64_t token, int head) {
        if (token >= 0) lse(token, head) = stat;
      });
}

void place_lse(const ExecSpace& exec, const cudnn::AttentionPlanShape& plan, const FusedMemory& memory,
               Matrix<const float> lse) {
  for_each_stat(
      exec, plan, memory, "recpo::attention::place_lse",
      KOKKOS_LAMBDA(float& stat, std::int64_t token, int head) { stat = token >= 0 ? lse(token, head) : 0; });
}

// The workspace with all that both directions need besides the operands.
FusedMemory prepare(const ExecSpace& exec, const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                    const cudnn::AttentionPlan& plan, Vector<float> workspace) {
  const FusedMemory memory(plan, workspace.data());
  RECPO_REQUIRE(memory.bytes() <= static_cast<std::int64_t>(workspace.extent(0) * sizeof(float)));
  place_spans(exec, spans, plan.shape(), memory);
  fill_bias(exec, spans, mask, plan.shape(), memory);
  return memory;
}

// Operands or their gradients, in the layout of the plan.
template <class Element>
struct Projections {
  Matrix<Element> q, k, v;
};

cudnn::AttentionArguments arguments(const FusedMemory& memory, const Projections<const Bfloat16>& in) {
  return {.q = in.q.data(),
          .k = in.k.data(),
          .v = in.v.data(),
          .bias = memory.bias,
          .lengths = memory.lengths,
          .qkv_offsets = memory.qkv_offsets,
          .out_offsets = memory.out_offsets,
          .stats = memory.stats,
          .workspace = memory.cudnn};
}

void call_forward(const ExecSpace& exec, const cudnn::AttentionPlan& plan, const FusedMemory& memory,
                  const Projections<const Bfloat16>& in, Matrix<Bfloat16> out) {
  cudnn::AttentionArguments call = arguments(memory, in);
  call.out = out.data();
  plan.forward(exec.cuda_stream(), call);
}

void call_backward(const ExecSpace& exec, const cudnn::AttentionPlan& plan, const FusedMemory& memory,
                   const Projections<const Bfloat16>& in, Matrix<const Bfloat16> out, Matrix<const Bfloat16> d_out,
                   const Projections<Bfloat16>& gradients) {
  cudnn::AttentionArguments call = arguments(memory, in);
  call.out = const_cast<Bfloat16*>(out.data());  // read here
  call.d_out = d_out.data();
  call.dq = gradients.q.data();
  call.dk = gradients.k.data();
  call.dv = gradients.v.data();
  plan.backward(exec.cuda_stream(), call);
}

// The workspace's padded rows as matrices [B S, ..], and copies to and from them.
class PaddedRows {
 public:
  PaddedRows(const ExecSpace& exec, const cudnn::AttentionPlanShape& shape, const FusedMemory& memory)
      : exec_(exec), shape_(shape), sequences_{shape.batch, shape.rows, memory.begins, memory.lengths} {}

  Matrix<Bfloat16> out(Bfloat16* rows) const { return columns(rows, shape_.out_width(), 0, shape_.out_width()); }
  Projections<Bfloat16> qkv(Bfloat16* rows) const {
    const std::int64_t width = shape_.qkv_width(), query = shape_.out_width(), key = (width - query) / 2;
    return {columns(rows, width, 0, query), columns(rows, width, query, key), columns(rows, width, query + key, key)};
  }
  Matrix<const Bfloat16> copy(const Matrix<const Bfloat16>& packed, const Matrix<Bfloat16>& padded) const {
    pad_rows(exec_, sequences_, packed, padded);
    return padded;
  }
  Projections<const Bfloat16> copy(const Projections<const Bfloat16>& in, const Projections<Bfloat16>& padded) const {
    return {copy(in.q, padded.q), copy(in.k, padded.k), copy(in.v, padded.v)};
  }
  void copy_back(const Matrix<Bfloat16>& padded, const Matrix<Bfloat16>& packed) const {
    unpad_rows(exec_, sequences_, padded, packed);
  }

 private:
  Matrix<Bfloat16> columns(Bfloat16* rows, std::int64_t width, std::int64_t begin, std::int64_t count) const {
    const Matrix<Bfloat16> matrix(rows, std::int64_t{shape_.batch} * shape_.rows, width);
    return Kokkos::subview(matrix, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, begin + count));
  }

  const ExecSpace& exec_;
  const cudnn::AttentionPlanShape& shape_;
  const SequenceRows sequences_;
};

bool are_packed_rows(const std::vector<AttentionSpan>& spans) {
  std::int64_t end = 0;
  for (const AttentionSpan& span : spans) {
    if (span.query_begin != span.key_begin || span.query_end != span.key_end || span.query_begin < end) return false;
    end = span.query_end;
  }
  return !spans.empty();
}

}  // namespace

std::string attention_description() {
  return cudnn::unsupported_reason().empty() ? "attention by " + cudnn::description()
                                             : "without cuDNN: " + cudnn::unsupported_reason();
}

std::string fused_attention_unsupported_reason(const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                                               AttentionLayout layout) {
  if (!cudnn::unsupported_reason().empty()) return cudnn::unsupported_reason();
  if (shape.head_dim != 64 && shape.head_dim != 128) return "heads have neither 64 nor 128 elements";
  if (!are_packed_rows(spans)) return "queries are not keys";
  const std::int64_t width = std::int64_t{shape.heads + 2 * shape.kv_heads} * shape.head_dim;
  if (spans.back().query_end * width > std::numeric_limits<int>::max()) return "offsets do not fit 32 bits";
  return find_plan(shape, spans, layout) == nullptr ? "cuDNN does not support the shape" : "";
}

std::int64_t fused_attention_workspace_bytes(const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                                             AttentionLayout layout) {
  return FusedMemory(*find_plan(shape, spans, layout), nullptr).bytes() + aligned(1);
}

void fused_attention_forward(const ExecSpace& exec, const AttentionShape& shape,
                             const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                             Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                             Matrix<Bfloat16> out, Matrix<float> lse, Vector<float> workspace, AttentionLayout layout) {
  const cudnn::AttentionPlan& plan = *find_plan(shape, spans, layout);
  const FusedMemory memory = prepare(exec, spans, mask, plan, workspace);
  const Projections<const Bfloat16> in{q, k, v};
  if (plan.shape().layout == AttentionLayout::kPacked) {
    call_forward(exec, plan, memory, in, out);
  } else {
    const PaddedRows padded(exec, plan.shape(), memory);
    const Matrix<Bfloat16> padded_out = padded.out(memory.out);
    call_forward(exec, plan, memory, padded.copy(in, padded.qkv(memory.qkv)), padded_out);
    padded.copy_back(padded_out, out);
  }
  keep_lse(exec, plan.shape(), memory, lse);
}

void fused_attention_backward(const ExecSpace& exec, const AttentionShape& shape,
                              const std::vector<AttentionSpan>& spans, const AttentionMask& mask,
                              Matrix<const Bfloat16> q, Matrix<const Bfloat16> k, Matrix<const Bfloat16> v,
                              Matrix<const Bfloat16> out, Matrix<const float> lse, Matrix<const Bfloat16> d_out,
                              Matrix<Bfloat16> dq, Matrix<Bfloat16> dk, Matrix<Bfloat16> dv, Vector<float> workspace,
                              AttentionLayout layout) {
  const cudnn::AttentionPlan& plan = *find_plan(shape, spans, layout);
  const FusedMemory memory = prepare(exec, spans, mask, plan, workspace);
  place_lse(exec, plan.shape(), memory, lse);
  const Projections<const Bfloat16> in{q, k, v};
  if (plan.shape().layout == AttentionLayout::kPacked) {
    call_backward(exec, plan, memory, in, out, d_out, {dq, dk, dv});
  } else {
    const PaddedRows padded(exec, plan.shape(), memory);
    const Projections<Bfloat16> gradients = padded.qkv(memory.d_qkv);
    call_backward(exec, plan, memory, padded.copy(in, padded.qkv(memory.qkv)), padded.copy(out, padded.out(memory.out)),
                  padded.copy(d_out, padded.out(memory.d_out)), gradients);
    padded.copy_back(gradients.q, dq);
    padded.copy_back(gradients.k, dk);
    padded.copy_back(gradients.v, dv);
  }
}

}  // namespace recpo::kernels
