# shellcheck shell=bash disable=SC2154
# The headers of cudnn-frontend (MIT and Apache License 2.0), by which GPU builds call cuDNN's fused attention. Sourced by
# setup.sh after steps.sh. They come from the Python package that carries them; nothing of it is run.

cudnn_frontend_version=1.32.0
cudnn_frontend_sha256=c6006556017a4d1c914c52a556c71b1267f2d6a0500f742e7b4edef539878df0

fetch_cudnn_frontend() {
  local prefix=$1 partial=$1.partial
  rm -rf "$partial" && mkdir -p "$partial"
  python3 -m venv "$partial/venv"
  "$partial/venv/bin/pip" download --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.11 \
    --platform manylinux_2_28_x86_64 -d "$partial" "nvidia-cudnn-frontend==$cudnn_frontend_version"
  printf '%s  %s\n' "$cudnn_frontend_sha256" "$(ls "$partial"/*.whl)" | sha256sum --check
  python3 -m zipfile -e "$partial"/*.whl "$partial/wheel"
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
