# shellcheck shell=bash disable=SC2154
# What GPU builds take from Python packages, into the cache; nothing of a package is run. Sourced by setup.sh after
# steps.sh, and by test.sh.
#   cudnn-frontend  the headers by which recpo calls cuDNN's fused attention (MIT and Apache License 2.0)
#   cuobjdump       lists the machine code in a program; where the CUDA toolkit came without it (NVIDIA's licence)

cudnn_frontend_version=1.32.0
cudnn_frontend_sha256=c6006556017a4d1c914c52a556c71b1267f2d6a0500f742e7b4edef539878df0
cuobjdump_version=13.5.37
cuobjdump_sha256=38780fee50863252a0b8926357faa91615ca1c8346490563f33a06100cd73f58

# PACKAGE VERSION SHA256 PLATFORM FOLDER: the wheel's files in FOLDER.
fetch_wheel() {
  local folder=$5
  rm -rf "$folder" && mkdir -p "$folder"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" download --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.11 \
    --platform "$4" -d "$folder" "$1==$2"
  printf '%s  %s\n' "$3" "$(ls "$folder"/*.whl)" | sha256sum --check
  python3 -m zipfile -e "$folder"/*.whl "$folder/wheel"
}

fetch_cudnn_frontend() {
  local prefix=$1 partial=$1.partial
  fetch_wheel nvidia-cudnn-frontend "$cudnn_frontend_version" "$cudnn_frontend_sha256" manylinux_2_28_x86_64 "$partial"
  mkdir "$partial/headers"
  mv "$partial/wheel/include" "$partial/wheel"/*.dist-info/licenses "$partial/headers"
  mv "$partial/headers" "$prefix"
  rm -rf "$partial"
}

setup_cudnn_frontend() {
  local prefix=$cache/cudnn-frontend-$cudnn_frontend_version
  if [ -f "$prefix/include/cudnn_frontend.h" ]; then
    say "cudnn-frontend $cudnn_frontend_version: present in $prefix"
  else
    step "cudnn-frontend $cudnn_frontend_version: headers" fetch_cudnn_frontend "$prefix"
  fi
}

fetch_cuobjdump() {
  local prefix=$1 partial=$1.partial
  fetch_wheel nvidia-cuda-cuobjdump "$cuobjdump_version" "$cuobjdump_sha256" manylinux2014_x86_64 "$partial"
  mkdir -p "$prefix"
  install "$partial/wheel/nvidia/cu13/bin/cuobjdump" "$prefix/"
  rm -rf "$partial"
}

# The path of cuobjdump: the toolkit's own, else the package's.
find_cuobjdump() {
  local prefix=$cache/cuobjdump-$cuobjdump_version beside
  beside=$(dirname "$(command -v nvcc)")/cuobjdump
  if [ -x "$beside" ]; then
    printf '%s\n' "$beside"
    return
  fi
  [ -x "$prefix/cuobjdump" ] || step "cuobjdump $cuobjdump_version" fetch_cuobjdump "$prefix" >&2
  printf '%s\n' "$prefix/cuobjdump"
}
