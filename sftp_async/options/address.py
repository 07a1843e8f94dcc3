"""Parses host names and ports, and writes them as one address."""

from __future__ import annotations

import ipaddress
import re

from sftp_async.options.parsing import parse_name


def parse_host(value: object) -> str:
    """Take a host name or an IP address; brackets around an IPv6 address are dropped."""
    text = parse_name(value).strip()
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        try:
            ipaddress.IPv6Address(bare)
        except ValueError:
            raise ValueError(
                "must be a host name or an IP address alone; the option for the port is port"
            ) from None
        return bare
    if bare != text or not bare or re.search(r"[\s/@\\?#,]", bare):
        raise ValueError("must be a host name or an IP address alone")
    return bare


def port_number(value: int) -> int:
    """Refuse a number that is not a TCP port."""
    if not 1 <= value <= 65535:
        raise ValueError("must be from 1 to 65535")
    return value


def authority(host: str, port: int) -> str:
    """Return `host:port`; an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
