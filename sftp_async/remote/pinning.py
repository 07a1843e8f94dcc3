"""Pins the host keys that a driver has verified, so that its tasks need no known_hosts file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions
    from sftp_async.remote.ssh import Connection

log = logging.getLogger("sftp_async.remote.pinning")

Options = TypeVar("Options", bound="ConnectionOptions")


def with_pinned_keys(options: Options, connection: Connection) -> Options:
    """Return the options with the verified keys of the server and of the bastions.

    Warns where a key is not checked, or outdated algorithms are offered.
    """
    if options.host_key_policy == "insecure":
        log.warning("%s: its host key is not checked (insecure)", connection.address)
    if options.legacy_algorithms:
        log.warning("%s: outdated algorithms are offered (legacy)", connection.address)
    if connection.host_key_line is None or options.host_key_policy == "insecure":
        return options
    return options.model_copy(
        update={
            "known_hosts": connection.host_key_line,
            "host_key_fingerprint": (),
            "proxy_jump_host_key_fingerprint": connection.bastion_host_keys,
        }
    )
