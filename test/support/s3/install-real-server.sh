#!/bin/sh
# Builds the S3 server of test/servers, versitygw, into .cache/bin, unless it lies there.
# Needs Go; takes about a minute.
set -eu
version=v1.8.0
root=$(cd "$(dirname "$0")/../../.." && pwd)
bin="$root/.cache/bin"
if [ -x "$bin/versitygw" ] && [ "$(cat "$bin/versitygw.version" 2>/dev/null)" = "$version" ]; then
  exit 0
fi
mkdir -p "$bin"
GOBIN="$bin" go install "github.com/versity/versitygw/cmd/versitygw@$version"
echo "$version" > "$bin/versitygw.version"
