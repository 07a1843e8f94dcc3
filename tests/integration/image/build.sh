#!/usr/bin/env bash
# Builds the image of the integration tests, sftp-async-openssh:latest.
#
# Where a registry answers, `docker build` does it from the Dockerfile. Without one, root with
# debootstrap makes the same image out of Debian's packages alone. `build.sh debootstrap` or
# `build.sh docker` takes one way; no argument takes debootstrap where it can work.
set -euo pipefail

image=sftp-async-openssh:latest
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
way=${1:-}
if [[ -z $way ]]; then
    if [[ $(id -u) == 0 ]] && command -v debootstrap >/dev/null; then way=debootstrap; else way=docker; fi
fi

if [[ $way == docker ]]; then
    exec docker build --tag "$image" "$here"
fi

root=$(mktemp --directory)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
if ! debootstrap --variant=minbase --include=openssh-server bookworm "$root" "$mirror" \
    >"$root.log" 2>&1; then
    echo "debootstrap failed; the end of its log:" >&2
    tail -n 20 "$root.log" "$root/debootstrap/debootstrap.log" >&2 || true
    exit 1
fi
rm -rf "$root.log" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
    "$root"/etc/ssh/ssh_host_*
install -m 644 "$here/sshd_config" "$root/etc/ssh/sshd_config_sftp"
install -m 755 "$here/entrypoint.sh" "$root/entrypoint.sh"
tar --create --directory "$root" --numeric-owner --exclude=./proc/* --exclude=./sys/* . |
    docker import --change 'ENTRYPOINT ["/entrypoint.sh"]' --change 'EXPOSE 22' - "$image"
