"""Checks that asyncssh's internals are the ones that the modules of this folder rely on."""

# ruff: noqa: SLF001 - looking at internals is the point

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any

import asyncssh
from asyncssh.channel import SSHTCPChannel
from asyncssh.encryption import GCMEncryption

log = logging.getLogger("sftp_async.remote.ssh")

#: This environment variable, unless it is empty, leaves asyncssh as it is: to compare, or for
#: asyncssh's packet dumps (its debug level 3), which do not show what the fast path sends.
STOCK_VARIABLE = "SFTP_ASYNC_STOCK_ASYNCSSH"
#: The versions of asyncssh whose source was read.
KNOWN_VERSIONS = ("2.24.",)

_CONNECTION = """
    _channels _compressor _decompressor _inpbuf _kex_complete _max_recv_pktlen _recv_data
    _recv_encryption _recv_pkthdr _recv_seq _rekey_bytes _rekey_bytes_sent _rekey_seconds
    _rekey_time _send _send_blocksize _send_encryption _send_enchdrlen _send_seq get_extra_info
    internal_error pause_writing resume_writing send_packet start_sftp_client
"""
_GCM = "_iv _key _update_iv"
_CHANNEL = """
    _accept_data _conn _flush_send_buf _init_recv_window _pause_resume_writing _recv_state
    _recv_window _send_buf _send_buf_len _send_chan _send_pktsize _send_state _send_window
    send_packet write
"""
_HANDLER = """
    _make_request _packet_handlers _process_data _reader _requests _send_request _writer send_packet
    write
"""
_SESSION = "data_received"


def connection_fits(ssh: asyncssh.SSHClientConnection) -> bool:
    """Whether this connection, logged in, can be taken over; logs once why not."""
    if os.environ.get(STOCK_VARIABLE):
        return False
    if not asyncssh.__version__.startswith(KNOWN_VERSIONS):
        _warn_once(f"asyncssh {asyncssh.__version__} is not a version known to sftp_async")
        return False
    if type(ssh) is not asyncssh.SSHClientConnection or not _has(ssh, _CONNECTION):
        return False
    inside: Any = ssh
    return all(
        _has(encryption, "_cipher") and _has(encryption._cipher, _GCM)
        for encryption in (inside._send_encryption, inside._recv_encryption)
        if isinstance(encryption, GCMEncryption)
    )


def sftp_fits(sftp: asyncssh.SFTPClient) -> bool:
    """Whether this SFTP session, just begun, can be taken over; logs once why not."""
    inside: Any = sftp
    if not _has(sftp, "_handler") or not _has(inside._handler, _HANDLER):
        return False
    reader, writer = inside._handler._reader, inside._handler._writer
    return (
        _has(reader, "_session")
        and _has(reader._session, _SESSION)
        and _has(writer, "channel")
        and _has(writer.channel, _CHANNEL)
    )


def tunnel_fits(transport: object) -> bool:
    """Whether this transport of a connection is a tunnel that can be taken over."""
    return type(transport) is SSHTCPChannel and _has(transport, _CHANNEL)


def _has(thing: object, names: str) -> bool:
    missing = [name for name in names.split() if not hasattr(thing, name)]
    if missing:
        _warn_once(f"asyncssh's {type(thing).__name__} has no {', '.join(missing)}")
    return not missing


@cache  # once a process
def _warn_once(reason: str) -> None:
    log.warning("Transfers use asyncssh's own, slower code: %s", reason)
