#!/bin/sh
# Starts OpenSSH's sshd for one user, who is named in the environment, with host keys made now.
set -eu
: "${SFTP_USER:=tester}"
useradd --create-home --shell /usr/sbin/nologin "$SFTP_USER"
# No password given means none that works: `*` locks passwords and leaves keys usable.
if [ -n "${SFTP_PASSWORD:-}" ]; then
    echo "$SFTP_USER:$SFTP_PASSWORD" | chpasswd
else
    usermod --password '*' "$SFTP_USER"
fi
printf '%s\n' "${SFTP_AUTHORIZED_KEYS:-}" > /etc/ssh/authorized_keys
ssh-keygen -A
mkdir -p /run/sshd
# What the tests mount, such as a small disk, belongs to the user.
if [ -d /small ]; then chown "$SFTP_USER" /small; fi
unset SFTP_PASSWORD
exec /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config_sftp
