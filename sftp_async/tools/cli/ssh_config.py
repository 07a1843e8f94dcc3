"""Reads the hosts of OpenSSH's client configuration, as options of connections."""

from __future__ import annotations

import getpass
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from sftp_async.errors import OptionsError

#: Keywords that change how OpenSSH connects, and that have no counterpart here.
_WITHOUT_COUNTERPART: Final = (
    "proxycommand",
    "hostkeyalias",
    "certificatefile",
    "identityagent",
    "pkcs11provider",
    "securitykeyprovider",
)
#: OpenSSH stops there as well (READCONF_MAX_DEPTH).
_DEEPEST_INCLUDE: Final = 16

Settings = list[tuple[str, list[str]]]


@dataclass(frozen=True)
class SSHHost:
    """One host: its name, the options of its connection, and what of it has no counterpart."""

    name: str
    options: dict[str, object]
    notes: tuple[str, ...]


@dataclass
class SSHConfig:
    """The hosts of a configuration, and what of it is left out, each with the reason."""

    hosts: list[SSHHost] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Block:
    patterns: tuple[str, ...]
    settings: Settings

    def applies_to(self, name: str) -> bool:
        """Whether a pattern matches, and no negated one does: ssh_config(5), PATTERNS."""
        if any(each[:1] == "!" and fnmatchcase(name, each[1:]) for each in self.patterns):
            return False
        return any(fnmatchcase(name, each) for each in self.patterns if each[:1] != "!")


def read_ssh_config(path: Path) -> SSHConfig:
    """Read the `Host` blocks; the first value of a setting counts, as in OpenSSH.

    `Host` with a pattern names no host, but its settings apply to the hosts that it matches.
    `Match` is left out: its conditions can depend on anything, and can run commands.

    Raises:
        OptionsError: the file cannot be read.

    """
    config = SSHConfig()
    blocks = _blocks(path, config, path.parent, 0)
    names: dict[str, None] = {}
    for block in blocks:
        for pattern in block.patterns:
            if re.search(r"[*?!]", pattern) is None:
                names[pattern] = None
            elif pattern not in ("*", "!*") and pattern[0] != "!":
                config.left_out.append(
                    (pattern, "a pattern names no host; its settings are in those it matches")
                )
    config.hosts = [_host(name, blocks) for name in names]
    return config


def _blocks(path: Path, config: SSHConfig, home: Path, depth: int) -> list[_Block]:
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OptionsError(f"{path} cannot be read: {reason}.") from None
    blocks = [_Block(("*",), [])]
    for line in lines:
        keyword, arguments = _parsed(line)
        if not arguments:
            continue
        if keyword == "host":
            blocks.append(_Block(tuple(arguments), []))
        elif keyword == "match":
            everything = [each.lower() for each in arguments] == ["all"]
            blocks.append(_Block(("*",) if everything else (), []))
            if not everything:
                config.left_out.append((f"Match {' '.join(arguments)}", "it is not evaluated"))
        elif keyword == "include":
            if blocks[-1].patterns != ("*",):
                where = f"Host {' '.join(blocks[-1].patterns)}" if blocks[-1].patterns else "Match"
                config.left_out.append(
                    (f"Include {' '.join(arguments)}", f"it is within a block of {where}")
                )
            elif depth < _DEEPEST_INCLUDE:
                for each in arguments:
                    # `/` replaces the folder before an absolute path.
                    pattern = home / Path(each).expanduser()
                    for found in sorted(Path(pattern.anchor).glob(str(pattern)[1:])):
                        blocks += _blocks(found, config, home, depth + 1)
                blocks.append(_Block(("*",), []))
        else:
            blocks[-1].settings.append((keyword, arguments))
    return blocks


def _parsed(line: str) -> tuple[str, list[str]]:
    """Split `Keyword value` or `Keyword=value` into the lower-cased keyword and its arguments."""
    match = re.fullmatch(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*", line)
    if match is None:
        return "", []
    lexer = shlex.shlex(match[2], posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        arguments = list(lexer)
    except ValueError:  # a quotation mark without its partner
        return "", []
    comment = next((i for i, each in enumerate(arguments) if each.startswith("#")), None)
    return match[1].lower(), arguments[:comment]


def _settings(name: str, blocks: list[_Block]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for block in blocks:
        if block.applies_to(name):
            for keyword, arguments in block.settings:
                found.setdefault(keyword, arguments)
    return found


def _host(name: str, blocks: list[_Block]) -> SSHHost:
    found = _settings(name, blocks)
    address = _address(name, found)
    options: dict[str, object] = {"host": address["host"], "username": address["user"]}
    if address["port"] != "22":
        options["port"] = int(address["port"]) if address["port"].isdigit() else address["port"]
    notes = [
        f"{keyword} has no counterpart here"
        for keyword in _WITHOUT_COUNTERPART
        if found.get(keyword, ["none"])[0].lower() != "none"
    ]
    for keyword, option in (
        ("identityfile", "private_key_path"),
        ("userknownhostsfile", "known_hosts"),
    ):
        path = _expanded(found.get(keyword, ["none"])[0], address)
        if path == "/dev/null":
            notes.append(f"{keyword} /dev/null is left out: host keys are checked")
        elif path is None:
            notes.append(f"{keyword} is left out: of its %-tokens, only %d %h %n %p %r are known")
        elif path != "none":
            options[option] = path
    if "private_key_path" not in options:
        notes.append("it has no IdentityFile: add private_key_path or password")
    jumps = found.get("proxyjump", ["none"])[0]
    if jumps.lower() != "none":
        options |= _jumps(jumps, blocks, address["user"])
    return SSHHost(name, options, tuple(notes))


def _address(name: str, found: dict[str, list[str]]) -> dict[str, str]:
    host = found.get("hostname", [name])[0].replace("%h", name).replace("%n", name)
    return {
        "name": name,
        "host": host.replace("%%", "%"),
        "port": found.get("port", ["22"])[0],
        "user": found.get("user", [""])[0] or getpass.getuser(),
    }


def _expanded(text: str, address: dict[str, str]) -> str | None:
    """Return a path with its tokens replaced; None if it has one that is not known here."""
    tokens = {
        "%%": "%",
        "%d": "~",
        "%h": address["host"],
        "%n": address["name"],
        "%p": address["port"],
        "%r": address["user"],
    }
    if set(re.findall("%.?", text)) - tokens.keys():
        return None
    return re.sub("%.", lambda match: tokens[match[0]], text)


def _jumps(text: str, blocks: list[_Block], username: str) -> dict[str, object]:
    """Return the options for `ProxyJump`, whose hosts may be names of the configuration."""
    hops, keys, users = [], [], []
    for each in text.split(","):
        user, _, rest = each.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]+)(?::(\d+))?", rest)
        if match is None:
            return {"proxy_jump": text}  # its check says what is wrong
        name = match[1].strip("[]")
        found = _settings(name, blocks)
        address = _address(name, found)
        user, port = user or address["user"], match[2] or address["port"]
        host = f"[{address['host']}]" if ":" in address["host"] else address["host"]
        hops.append(f"{user}@{host}" + ("" if port == "22" else f":{port}"))
        users.append(user)
        keys.append(_expanded(found.get("identityfile", ["none"])[0], address))
    options: dict[str, object] = {"proxy_jump": ",".join(hops)}
    if len(set(keys)) == 1 and keys[0] not in (None, "none"):
        options["proxy_jump_private_key_path"] = keys[0]
    return options
