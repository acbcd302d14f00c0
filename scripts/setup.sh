#!/usr/bin/env bash
# Installs what building recpo needs and nothing that is already there: Debian packages (as root, where apt exists)
# and Kokkos into the cache. A second run changes nothing and needs no network.
#   scripts/setup.sh             for the CPU presets
#   scripts/setup.sh --cuda 86   also Kokkos for CUDA, compute capability 8.6 (A6000); 90 is H100; and the headers of
#                                cudnn-frontend
#   scripts/setup.sh --slurm     also Slurm, which the tests of the job scripts start for themselves; Debian's packages
#                                make services of it
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"
# shellcheck source-path=SCRIPTDIR source=kokkos.sh
source "$root/scripts/kokkos.sh"
# shellcheck source-path=SCRIPTDIR source=wheels.sh
source "$root/scripts/wheels.sh"

packages=(
  g++ cmake ninja-build ccache pkg-config git curl ca-certificates python3 python3-venv  # tools
  libopenmpi-dev openmpi-bin libhdf5-openmpi-dev                                          # MPI, HDF5
  libopenblas-openmp-dev                                     # CBLAS; the pthread variant fights with OpenMP for cores
  libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libfmt-dev libspdlog-dev libpcre2-dev zlib1g-dev libssl-dev
  libgtest-dev libbenchmark-dev shellcheck clang-format-14                                # tests and benchmarks
  clang-14 libclang-rt-14-dev libomp-14-dev                  # fuzz targets (libomp: Kokkos' headers ask for omp.h)
)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf '%s\n' "$package"
  done
}

install_packages() {
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

setup_packages() {
  if ! command -v apt-get >/dev/null; then
    say "no apt here: taking compilers and libraries from the environment (modules, Spack)"
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all present"
  elif [ "$(id -u)" -eq 0 ]; then
    step "Debian packages: ${missing[*]}" install_packages "${missing[@]}"
  else
    fail "packages are missing; ask for: apt-get install ${missing[*]}"
  fi
}

architectures=()
while [ $# -gt 0 ]; do
  case $1 in
    --cuda)
      kokkos_gpu "${2:-none}" >/dev/null
      architectures+=("$2")
      shift 2
      ;;
    --slurm)
      packages+=(slurm-wlm munge)
      shift
      ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
done

start_log
setup_packages
setup_kokkos cpu
for architecture in "${architectures[@]}"; do setup_kokkos "cuda-$architecture"; done
[ ${#architectures[@]} -eq 0 ] || setup_cudnn_frontend
