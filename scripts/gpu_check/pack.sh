#!/usr/bin/env bash
# The first half of scripts/gpu_check.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../steps.sh
source "$here/../steps.sh"
program=gpu_check

preset=cuda-h100
output=$root/build/gpu_check.tar.xz
limit_bytes=$((64 << 20))
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset wants a name} && shift 2 ;;
    --output) output=${2:?--output wants a file} && shift 2 ;;
    *) fail "unknown argument $1; see scripts/gpu_check.sh --help" ;;
  esac
done

tests=(test_support test_kernels test_model test_optim test_train)
benchmarks=(rms_norm swiglu rope adamw embedding sequence_logp completions reductions gemm attention step)
targets=(recpo "${tests[@]}" "${benchmarks[@]/#/bench_}")
build=$root/build/$preset
folder=$(mktemp -d "${TMPDIR:-/tmp}/recpo_gpu_pack.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# Libraries of the GPU's machine: the driver's and CUDA's, because they must fit the driver, and glibc.
is_foreign() {
  [[ $1 =~ ^lib(cuda|cublas|cudnn|nccl|nvrtc|nvJitLink|cusparse|cusolver|curand|cufft|nvToolsExt) ||
    $1 =~ ^(ld-linux|libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|linux-vdso)[.-] ]]
}

# The compiler's own, for machines whose are older; kept apart, because newer ones must not be hidden.
is_runtime() { [[ $1 =~ ^lib(stdc\+\+|gcc_s|gomp|gfortran|quadmath)\. ]]; }

copy_programs() {
  mkdir -p "$folder/bin"
  local target path
  for target in "${targets[@]}"; do
    path=$(find "$build" -maxdepth 3 -type f -name "$target" -perm -u+x | head -n 1)
    [ -n "$path" ] || fail "$target is not in $build: cmake --build --preset $preset --target ${targets[*]}"
    strip -o "$folder/bin/$target" "$path"
  done
}

# Those for networks and launchers are left behind: a run is one process.
copy_plugins() {
  local plugin
  mkdir -p "$folder/lib/openmpi" "$folder/share/openmpi"
  for plugin in "$(ompi_info --parsable --path pkglibdir | sed 's/.*:pkglibdir://')"/mca_*.so; do
    [[ $plugin =~ ucx|ofi|openib|psm|slurm|gridengine|simulator|tcp|usnic|flux|ext3x|monitoring ]] ||
      strip -o "$folder/lib/openmpi/$(basename "$plugin")" "$plugin"
  done
  cp "$(ompi_info --parsable --path datadir | sed 's/.*:datadir://')"/openmpi/help-*.txt "$folder/share/openmpi/"
}

copy_libraries() {
  local name path
  mkdir -p "$folder/lib/runtime"
  while read -r name path; do
    is_foreign "$name" && continue
    [ "$path" != not ] || fail "$name is not found here: the programs would not start"
    if is_runtime "$name"; then strip -o "$folder/lib/runtime/$name" "$path"; else strip -o "$folder/lib/$name" "$path"; fi
  done < <(ldd "$folder"/bin/* "$folder"/lib/openmpi/*.so | awk '$2 == "=>" {print $1, $3}' | sort -u)
}

# The newest glibc that anything in the pack asks for.
needed_glibc() {
  find "$folder" -type f \( -path '*/bin/*' -o -name '*.so*' \) -exec objdump -T {} + 2>/dev/null |
    grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1 | sed 's/GLIBC_//'
}

describe() {
  cp "$root/scripts/gpu_check.sh" "$folder/"
  mkdir "$folder/gpu_check"
  cp "$here"/*.py "$root/benchmarks/step_references.py" "$folder/gpu_check/"
  printf '{"preset": "%s", "git": "%s", "glibc": "%s", "tests": "%s", "benchmarks": "%s"}\n' "$preset" \
    "$(git -C "$root" describe --always --dirty --tags 2>/dev/null || echo unknown)" "$(needed_glibc)" "${tests[*]}" \
    "${benchmarks[*]/#/bench_}" >"$folder/pack.json"
}

say "programs of $build"
copy_programs
say "Open MPI's plugins and shared libraries"
copy_plugins
copy_libraries
describe
mkdir -p "$(dirname "$output")"
XZ_OPT="-6 -T0" tar -C "$folder" -caf "$output" .
bytes=$(stat -c %s "$output")
say "$output: $((bytes >> 20)) MiB, $(du -sm "$folder" | cut -f 1) MiB unpacked"
[ "$bytes" -le "$limit_bytes" ] || fail "$output is larger than $((limit_bytes >> 20)) MiB: leave programs out of targets"
