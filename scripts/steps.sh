# shellcheck shell=bash
# What the scripts share: one line a step for the reader, the details in build/log/SCRIPT.log. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${RECPO_CACHE:-$HOME/.cache/recpo}  # Kokkos, Python environments, downloads: survives a fresh clone
program=$(basename "$0" .sh)
log=$root/build/log/$program.log
# Debian's OpenMPI refuses root and more ranks than cores unless told otherwise.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

start_log() { mkdir -p "$(dirname "$log")" && : >"$log"; }

say() { printf '%s: %s\n' "$program" "$*"; }

fail() {
  say "$*" >&2
  exit 1
}

# Shows that a step is alive: its last line of output on a terminal, a plain line every half minute otherwise.
show_life() {
  local title=$1 begin=$SECONDS
  while sleep 1 >/dev/null 2>&1; do
    if [ -t 1 ]; then
      printf '\r\033[K%s: %s ... %s s  %.70s' "$program" "$title" $((SECONDS - begin)) "$(tail -n 1 "$log" | tr -d '\r')"
    elif [ $(((SECONDS - begin) % 30)) -eq 29 ]; then
      say "$title ... $((SECONDS - begin)) s"
    fi
  done
}

# step TITLE COMMAND...: runs the command with its output in the log; says how long it took, or shows the end of the
# log and stops the script.
step() {
  local title=$1 begin=$SECONDS status watcher
  shift
  printf '\n== %s: %s\n' "$title" "$*" >>"$log"
  show_life "$title" &
  watcher=$!
  set +e
  (set -e; "$@") >>"$log" 2>&1 </dev/null
  status=$?
  set -e
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null || true
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    fail "$title failed (status $status); everything it said is in $log"
  fi
  say "$title: done in $((SECONDS - begin)) s"
}

# python_environment NAME PACKAGE...: a virtual environment in the cache that holds the packages, made once.
# Sets `python` to its interpreter.
python_environment() {
  local name=$1 folder=$cache/python/$1
  shift
  # shellcheck disable=SC2034  # read by the scripts that source this file
  python=$folder/bin/python
  if [ "$(cat "$folder/packages.txt" 2>/dev/null)" = "$*" ]; then return; fi
  step "Python environment '$name'" make_python_environment "$folder" "$@"
}

make_python_environment() {
  local folder=$1
  shift
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --disable-pip-version-check "$@"
  printf '%s\n' "$*" >"$folder/packages.txt"
}
