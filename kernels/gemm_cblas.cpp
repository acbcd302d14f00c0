#include <cblas.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

// Weak: a CBLAS other than OpenBLAS does not define them.
extern "C" {
void openblas_set_num_threads(int num_threads) __attribute__((weak));
char* openblas_get_corename() __attribute__((weak));
char* openblas_get_config() __attribute__((weak));
}

namespace recpo::kernels {

namespace {

struct TileShape {
  std::int64_t rows = 0, columns = 0;
};

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The length of the equal parts into which `extent` is cut, none longer than `limit`; a multiple of the widest
// register block of the BLAS kernels, so that no part but the last computes a ragged edge.
std::int64_t part_length(std::int64_t extent, std::int64_t limit) {
  constexpr std::int64_t kRegisterBlock = 16;
  const std::int64_t parts = ceil_divide(extent, limit);
  return ceil_divide(ceil_divide(extent, parts), kRegisterBlock) * kRegisterBlock;
}

std::int64_t tile_count(const TileShape& tile, std::int64_t m, std::int64_t n) {
  return ceil_divide(m, tile.rows) * ceil_divide(n, tile.columns);
}

// A function of the shape only. Large tiles copy less (each tile packs its own panels of A and B); too few tiles
// leave threads idle. Limits measured, see benchmarks/bench_gemm.cpp.
TileShape choose_tile(std::int64_t m, std::int64_t n) {
  constexpr std::int64_t kEnoughTiles = 12;
  TileShape tile;
  for (const std::int64_t limit : {384, 256, 192, 128}) {
    tile = {part_length(m, limit), part_length(n, limit)};
    if (tile_count(tile, m, n) >= kEnoughTiles) break;
  }
  return tile;
}

struct Tile {
  std::int32_t call = 0;
  std::int64_t row = 0, column = 0, rows = 0, columns = 0;
};

void append_tiles(std::int64_t m, std::int64_t n, std::int32_t call, std::vector<Tile>& tiles) {
  if (m == 0 || n == 0) return;
  const TileShape shape = choose_tile(m, n);
  for (std::int64_t column = 0; column < n; column += shape.columns) {
    for (std::int64_t row = 0; row < m; row += shape.rows) {
      tiles.push_back({call, row, column, std::min(shape.rows, m - row), std::min(shape.columns, n - column)});
    }
  }
}

CBLAS_TRANSPOSE cblas_op(Op op) { return op == Op::kTranspose ? CblasTrans : CblasNoTrans; }

// CBLAS wants a leading dimension of at least the stored width, also where the matrix has one row or none.
int leading(std::int64_t ld, std::int64_t width) { return static_cast<int>(std::max<std::int64_t>({ld, width, 1})); }

template <class T>
void cblas_gemm(CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, int m, int n, int k, T alpha, const T* a, int lda,
                const T* b, int ldb, T beta, T* c, int ldc) {
  if constexpr (std::is_same_v<T, float>) {
    cblas_sgemm(CblasRowMajor, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  } else {
    cblas_dgemm(CblasRowMajor, op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
}

// A matrix as it is stored: rows and columns before the operation.
struct Stored {
  std::int64_t rows = 0, columns = 0, ld = 0;
};

template <class From, class To>
void convert_matrix(const From* from, const Stored& shape, To* to, std::int64_t to_ld) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const From* source = from + row * shape.ld;
    To* target = to + row * to_ld;
#pragma omp simd
    for (std::int64_t i = 0; i < shape.columns; ++i) target[i] = To(source[i]);
  }
}

// Grows, so that a thread allocates a few times in its life.
float* panel(std::vector<float>& memory, std::int64_t elements) {
  if (static_cast<std::int64_t>(memory.size()) < elements) memory.resize(static_cast<std::size_t>(elements));
  return memory.data();
}

// Bfloat16 operands are widened into panels of the calling thread, some of the inner dimension at a time; the sum is
// formed in float and rounded once.
template <class C>
void compute_tile(const GemmCall<Bfloat16, C>& call, const Tile& tile) {
  constexpr std::int64_t kInner = 512;  // panels of a tile of 384 x 384 stay in the second-level cache
  thread_local std::vector<float> a_memory, b_memory, c_memory;
  const bool a_transposed = call.op_a == Op::kTranspose, b_transposed = call.op_b == Op::kTranspose;
  float* sum = panel(c_memory, tile.rows * tile.columns);
  C* c = call.c + tile.row * call.ldc + tile.column;
  if (call.beta != 0) {
    const bool separate = call.addend != nullptr;
    convert_matrix(separate ? call.addend + tile.row * call.ld_addend + tile.column : c,
                   {tile.rows, tile.columns, separate ? call.ld_addend : call.ldc}, sum, tile.columns);
  }
  float beta = call.beta;
  for (std::int64_t inner = 0; inner == 0 || inner < call.k; inner += kInner) {
    const std::int64_t k = std::min(kInner, call.k - inner);
    const Stored a_stored{a_transposed ? k : tile.rows, a_transposed ? tile.rows : k, call.lda};
    const Stored b_stored{b_transposed ? tile.columns : k, b_transposed ? k : tile.columns, call.ldb};
    float* a = panel(a_memory, tile.rows * kInner);
    float* b = panel(b_memory, tile.columns * kInner);
    convert_matrix(call.a + (a_transposed ? inner * call.lda + tile.row : tile.row * call.lda + inner), a_stored, a,
                   a_stored.columns);
    convert_matrix(call.b + (b_transposed ? tile.column * call.ldb + inner : inner * call.ldb + tile.column), b_stored,
                   b, b_stored.columns);
    cblas_gemm(cblas_op(call.op_a), cblas_op(call.op_b), static_cast<int>(tile.rows), static_cast<int>(tile.columns),
               static_cast<int>(k), call.alpha, a, leading(a_stored.columns, 0), b, leading(b_stored.columns, 0), beta,
               sum, static_cast<int>(tile.columns));
    beta = 1;
  }
  convert_matrix(sum, {tile.rows, tile.columns, tile.columns}, c, call.ldc);
}

template <class T>
requires std::is_same_v<T, Accumulate<T>>
void compute_tile(const GemmCall<T, T>& call, const Tile& tile) {
  const bool a_transposed = call.op_a == Op::kTranspose, b_transposed = call.op_b == Op::kTranspose;
  const T* a = call.a + (a_transposed ? tile.row : tile.row * call.lda);
  const T* b = call.b + (b_transposed ? tile.column * call.ldb : tile.column);
  T* c = call.c + tile.row * call.ldc + tile.column;
  if (call.addend != nullptr && call.beta != 0) {
    const T* addend = call.addend + tile.row * call.ld_addend + tile.column;
    convert_matrix(addend, {tile.rows, tile.columns, call.ld_addend}, c, call.ldc);
  }
  cblas_gemm(cblas_op(call.op_a), cblas_op(call.op_b), static_cast<int>(tile.rows), static_cast<int>(tile.columns),
             static_cast<int>(call.k), call.alpha, a, leading(call.lda, a_transposed ? call.m : call.k), b,
             leading(call.ldb, b_transposed ? call.k : call.n), call.beta, c, leading(call.ldc, call.n));
}

template <class Call>
void check_call(const Call& call) {
  constexpr std::int64_t kLimit = std::numeric_limits<int>::max();  // CBLAS counts in int
  RECPO_REQUIRE(call.m >= 0 && call.n >= 0 && call.k >= 0);
  RECPO_REQUIRE(std::max({call.m, call.n, call.k, call.lda, call.ldb, call.ldc}) <= kLimit);
}

}  // namespace

template <class T, class C>
void gemm_batched(const ExecSpace& exec, std::span<const GemmCall<T, C>> calls) {
  initialize_gemm();
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    check_call(calls[i]);
    append_tiles(calls[i].m, calls[i].n, static_cast<std::int32_t>(i), tiles);
  }
  using Policy = Kokkos::RangePolicy<ExecSpace, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>;
  const GemmCall<T, C>* call = calls.data();
  const Tile* tile = tiles.data();
  Kokkos::parallel_for("recpo::gemm::tiles",
                       Policy(exec, 0, static_cast<std::int64_t>(tiles.size()), Kokkos::ChunkSize(1)),
                       [=](std::int64_t i) { compute_tile(call[tile[i].call], tile[i]); });
}

void initialize_gemm() {
  // OpenBLAS passes its number of threads on to OpenMP, where Kokkos must have read its own before.
  static const bool done = [] {
    RECPO_REQUIRE(Kokkos::is_initialized());
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

const char* gemm_description() {
  static const std::string description = [] {
    if (openblas_get_config == nullptr) return std::string("CBLAS");
    const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
    const std::size_t version_end = config.find(' ', config.find(' ') + 1);
    return config.substr(0, version_end) + " " + openblas_get_corename();
  }();
  return description.c_str();
}

RECPO_INSTANTIATE_STORAGE(gemm_batched);
template decltype(gemm_batched<Bfloat16, float>) gemm_batched<Bfloat16, float>;

}  // namespace recpo::kernels
