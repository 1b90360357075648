#!/usr/bin/env bash
# What the tests of ansible/ need, from Debian: Ansible, its linter, an SSH client, a container starter and
# debootstrap; and a Debian root file system that the test's hosts share as their lower layer. Needs root.
set -euo pipefail

base=/var/cache/sluice-hosts/base
packages=(systemd systemd-sysv dbus openssh-server python3 python3-apt sudo iproute2 procps ca-certificates
  libjemalloc2 prometheus)

export DEBIAN_FRONTEND=noninteractive
needed=()
for package in ansible ansible-lint openssh-client systemd-container debootstrap iproute2; do
  dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    needed+=("$package")
done
if [ ${#needed[@]} -gt 0 ]; then
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${needed[@]}"
fi

# The list of packages and this script's own steps decide whether the base is still the right one.
stamp=$(sha256sum "$0" | cut -d' ' -f1)
if [ "$(cat "$base.stamp" 2>/dev/null)" = "$stamp" ]; then
  echo "test hosts: $base is there"
  exit
fi
rm -rf "$base" "$base.part"
mkdir -p "$base.part"
debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" bookworm "$base.part"

# The user that cloud images have. Nothing runs but SSH: a role that wants a service has to start it.
chroot "$base.part" useradd --create-home --shell /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$base.part/etc/sudoers.d/admin"
chroot "$base.part" systemctl --quiet disable prometheus.service
rm -f "$base.part"/etc/systemd/system/multi-user.target.wants/prometheus*.service
chroot "$base.part" systemctl --quiet mask console-getty.service apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer prometheus-node-exporter.service
echo 'UseDNS no' >"$base.part/etc/ssh/sshd_config.d/test.conf"
rm -rf "$base.part"/var/cache/apt/archives/*.deb
mv "$base.part" "$base"
echo "$stamp" >"$base.stamp"
echo "test hosts: $base is made"
