#!/usr/bin/env bash
# Checks and measures recpo on a machine with a GPU that has the driver and CUDA's libraries but neither compilers nor
# the other libraries: `pack` where it was built, `run` there. No root, no network.
#   scripts/gpu_check.sh pack [--preset PRESET] [--output FILE]     default: cuda-h100, build/gpu_check.tar.xz
#   scripts/gpu_check.sh run [PACK] [--out DIR] [--parts tests,..]  PACK: a file or an unpacked folder; see run --help
# A pack holds stripped programs, every shared library they need but CUDA's and glibc, Open MPI's plugins, and this
# script: unpacked, it runs itself.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'gpu_check: %s\n' "$*"; }

fail() {
  say "$*" >&2
  exit 1
}

case ${1:-} in
  pack) exec "$here/gpu_check/pack.sh" "${@:2}" ;;
  run) shift ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) fail "say pack or run; see --help" ;;
esac

command -v python3 >/dev/null || fail "python3 is not here: the run's report needs it (standard library only)"
pack=$here
case ${1:-} in
  "" | -*) [ -f "$here/pack.json" ] || pack=$here/../build/gpu_check.tar.xz ;;
  *) pack=$1 && shift ;;
esac
[ -e "$pack" ] || fail "$pack is not there: make it with scripts/gpu_check.sh pack, or name another"
if [ ! -d "$pack" ]; then
  folder=$(mktemp -d "${TMPDIR:-/tmp}/recpo_gpu_check.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  # Python's own reader: a bare machine may have no xz. The filter, where Python knows it, keeps files in the folder.
  python3 -c '
import sys, tarfile
options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
tarfile.open(sys.argv[1]).extractall(sys.argv[2], **options)' "$pack" "$folder" ||
    fail "$pack cannot be unpacked: was it copied whole?"
  pack=$folder
fi
[ -f "$pack/pack.json" ] || fail "$pack is no pack: it holds no pack.json"
status=0
python3 -B "$here/gpu_check/run.py" --pack "$pack" "$@" || status=$?
exit "$status"
