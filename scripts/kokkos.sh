# shellcheck shell=bash disable=SC2154
# Kokkos, built once for each backend into the cache. Sourced by setup.sh after steps.sh.
# The source comes from RECPO_KOKKOS_SOURCE, from upstream's release, or, where upstream's host is not reached, from
# the Python source package pygenten, which carries the same release.

kokkos_version=4.7.0
kokkos_release=https://github.com/kokkos/kokkos/releases/download/4.7.00/kokkos-4.7.00.tar.gz
pygenten_version=0.1.5

# Everything a build depends on. ARCH_NATIVE code runs only on the kind of processor that built it.
kokkos_identity() {
  local flavour=$1
  printf 'kokkos %s %s\n' "$kokkos_version" "$flavour"
  printf 'compiler %s\n' "$(${CXX:-c++} --version | head -n 1)"
  printf 'processor %s\n' "$(grep -m 1 '^model name' /proc/cpuinfo | cut -d: -f2-)"
  printf 'instructions %s\n' "$(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | sha256sum | cut -c1-16)"
  if [[ $flavour = cuda-* ]]; then
    printf 'nvcc %s\n' "$(nvcc --version | tail -n 1)"
    sha256sum <"$root/scripts/cmake/cuda13_compat.hpp" | cut -c1-16
  fi
  printf 'options %s\n' "$(kokkos_options "$flavour")"
}

# One option a line. The mdspan Views are off everywhere because nvcc 13 rejects their headers.
kokkos_options() {
  printf -- '-D%s\n' CMAKE_BUILD_TYPE=Release CMAKE_CXX_STANDARD=20 CMAKE_POSITION_INDEPENDENT_CODE=ON \
    Kokkos_ENABLE_SERIAL=ON Kokkos_ENABLE_OPENMP=ON Kokkos_ENABLE_IMPL_MDSPAN=OFF
  case $1 in
    cpu) printf -- '-D%s\n' Kokkos_ARCH_NATIVE=ON ;;
    cuda-*)
      printf -- '-D%s\n' Kokkos_ENABLE_CUDA=ON Kokkos_ENABLE_COMPILE_AS_CMAKE_LANGUAGE=ON \
        "Kokkos_ARCH_$(kokkos_gpu "${1#cuda-}")=ON" "CMAKE_CUDA_ARCHITECTURES=${1#cuda-}" CMAKE_CUDA_STANDARD=20
      ;;
  esac
}

kokkos_gpu() {
  case $1 in
    70) echo VOLTA70 ;;
    75) echo TURING75 ;;
    80) echo AMPERE80 ;;
    86) echo AMPERE86 ;;
    89) echo ADA89 ;;
    90) echo HOPPER90 ;;
    *) fail "no Kokkos architecture is known for compute capability $1 (70, 75, 80, 86, 89, 90)" ;;
  esac
}

# Prints the source folder.
kokkos_source() { printf '%s\n' "${RECPO_KOKKOS_SOURCE:-$cache/kokkos-$kokkos_version-source}"; }

fetch_kokkos() {
  local partial
  partial=$(kokkos_source).partial
  rm -rf "$partial" && mkdir -p "$partial"
  if curl -fsSL --connect-timeout 5 --max-time 300 -o "$partial/kokkos.tar.gz" "$kokkos_release"; then
    tar -xzf "$partial/kokkos.tar.gz" -C "$partial" --strip-components=1
    rm "$partial/kokkos.tar.gz"
  else
    fetch_kokkos_from_pygenten "$partial"
  fi
  test -f "$partial/CMakeLists.txt"
  mv "$partial" "$(kokkos_source)"
}

# pip reads the package's metadata with its build tools at hand; nothing of it is built.
fetch_kokkos_from_pygenten() {
  local work=$1/pygenten
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --disable-pip-version-check packaging setuptools wheel numpy cmake scikit-build-core
  "$work/venv/bin/pip" download --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation \
    -d "$work" "pygenten==$pygenten_version"
  tar -xzf "$work/pygenten-$pygenten_version.tar.gz" -C "$1" --strip-components=3 \
    "pygenten-$pygenten_version/tpls/kokkos"
  rm -rf "$work"
}

build_kokkos() {
  local flavour=$1 prefix=$2 work=$root/build/kokkos-$1 options
  mapfile -t options < <(kokkos_options "$flavour")
  rm -rf "$work" "$prefix"
  cmake -G Ninja -S "$(kokkos_source)" -B "$work" "-DCMAKE_INSTALL_PREFIX=$prefix" "${options[@]}" \
    "-DCMAKE_CUDA_FLAGS=-include $root/scripts/cmake/cuda13_compat.hpp"
  cmake --build "$work" -j "$(nproc)"
  cmake --install "$work"
  rm -rf "$work"
  kokkos_identity "$flavour" >"$prefix/recpo-build.txt"
}

setup_kokkos() {
  local flavour=$1 prefix=$cache/kokkos-$kokkos_version-$1
  if [ "$(cat "$prefix/recpo-build.txt" 2>/dev/null)" = "$(kokkos_identity "$flavour")" ]; then
    say "Kokkos $kokkos_version ($flavour): present in $prefix"
    return
  fi
  [ -d "$(kokkos_source)" ] || step "Kokkos $kokkos_version: source" fetch_kokkos
  step "Kokkos $kokkos_version ($flavour): build" build_kokkos "$flavour" "$prefix"
}
