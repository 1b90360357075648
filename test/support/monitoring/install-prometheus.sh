#!/usr/bin/env bash
# Debian's Prometheus with promtool, when they are missing. Its service is neither started nor enabled.
set -euo pipefail

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then exit 0; fi

sudo=''
[ "$(id -u)" = 0 ] || sudo=sudo

# The package's scripts ask this policy before they start its service; 101 says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
  $sudo chmod 755 "$policy"
  trap '$sudo rm -f "$policy"' EXIT
fi

$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus
# Installing it also enables it for the next start of the machine.
if command -v systemctl >/dev/null; then $sudo systemctl disable prometheus.service >/dev/null 2>&1 || true; fi

prometheus --version | head -n 1
promtool --version | head -n 1
