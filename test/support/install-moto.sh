#!/bin/sh
# Installs the AWS emulator of test/terraform, moto, into .cache/moto, unless it lies there.
# Needs Python 3.9 or newer and PyPI; takes about half a minute.
set -eu
version=5.2.5
root=$(cd "$(dirname "$0")/../.." && pwd)
folder="$root/.cache/moto"
if [ -x "$folder/bin/moto_server" ] && [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
  exit 0
fi
mkdir -p "$root/.cache"
python3 -m venv --clear "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version"
echo "$version" > "$folder/version"
