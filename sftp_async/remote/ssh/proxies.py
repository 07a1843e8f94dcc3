"""Connects through proxies: SOCKS5 (RFC 1928) and HTTP CONNECT (RFC 9110, 9.3.6).

A `ProxyTunnel` is what asyncssh takes for a tunnel: it makes the transport of an SSH connection.
Once it stands, a proxy passes on bytes and nothing else, so the transport is a plain socket's.
"""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from sftp_async.errors import AuthenticationError, ConnectError, OptionsError
from sftp_async.options.address import authority
from sftp_async.options.connection import proxies_of
from sftp_async.remote.ssh.error_mapping import reason_of

if TYPE_CHECKING:
    from sftp_async.errors import SFTPAsyncError
    from sftp_async.options import ConnectionOptions
    from sftp_async.options.proxy_syntax import Proxy

#: What asyncssh wants from a tunnel, and what it hands over: the maker of its protocol.
Made = tuple[asyncio.BaseTransport, asyncio.Protocol]
Maker = Callable[[], asyncio.Protocol]

#: Most bytes of a proxy's answer before the connection stands; proxies and servers of the web
#: commonly take no more of a header.
LONGEST_ANSWER: Final = 64 * 1024
#: Most bytes of a name or a password in SOCKS5: RFC 1929, section 2.
LONGEST_SOCKS_WORD: Final = 255
#: Replies of SOCKS5 (RFC 1928, section 6) after which another attempt is in vain: a rule forbids
#: it; the command or the kind of address is not known.
FINAL_REPLIES: Final = (2, 7, 8)


class ProxyTunnel(ABC):
    """A connection through a proxy, made for asyncssh.

    Args:
        proxy: where it is.
        password: of the user that it names, if it names one.
        timeout: seconds that connecting through it may take.

    Attributes:
        address: the proxy, for messages.

    """

    def __init__(self, proxy: Proxy, password: str | None, timeout: float) -> None:
        self.address = str(proxy)
        self._proxy = proxy
        self._password = password
        self._timeout = timeout

    @abstractmethod
    async def create_connection(self, make: Maker, host: str, port: int) -> Made:
        """Connect to a host behind the proxy, which looks up its name.

        Raises:
            AuthenticationError: the proxy refused the login, or asks for one.
            ConnectError: the proxy cannot be reached, or does not make the connection.

        """

    def _unreachable(self, error: BaseException) -> ConnectError:
        return ConnectError(
            f"The proxy cannot be reached ({reason_of(error)})",
            host=self.address,
            hint="Check proxy_url, and that the proxy is running",
        )

    def _refused_login(self, reason: str) -> AuthenticationError:
        what = "asks for a login" if self._proxy.username is None else "refused the login"
        return AuthenticationError(
            f"The proxy {what} ({reason})",
            host=self.address,
            hint="Check the user in proxy_url, and proxy_password",
        )

    def _failed(self, host: str, port: int, reason: str, *, final: bool) -> ConnectError:
        target = authority(host, port)
        if final:
            what = f"The proxy refuses to connect to {target} ({reason})"
            hint = "Ask its operator to allow this host and port: many proxies allow port 443 only"
        else:
            what = f"The proxy cannot reach {target} ({reason})"
            hint = "Check host and port as the proxy sees them: it looks up the host name itself"
        return ConnectError(what, host=self.address, hint=hint, retryable=not final)

    def _no_proxy(self, reason: str) -> ConnectError:
        return ConnectError(
            f"What answered is no {self._proxy.scheme} proxy ({reason})",
            host=self.address,
            hint="Check the scheme, the host and the port in proxy_url",
            retryable=False,
        )

    def _hung_up(self, host: str, port: int) -> ConnectError:
        return ConnectError(
            "The proxy closed the connection without an answer",
            host=self.address,
            hint=f"It may not reach {authority(host, port)}, or not serve this machine; check "
            "host, port and proxy_url",
        )


class SocksTunnel(ProxyTunnel):
    """A SOCKS5 proxy."""

    def __init__(self, proxy: Proxy, password: str | None, timeout: float) -> None:
        super().__init__(proxy, password, timeout)
        # Late: an extra.
        try:
            import python_socks.async_.asyncio as asyncio_socks
        except ImportError:
            raise OptionsError(
                "proxy_url with socks5 needs the package python-socks, here and on every worker: "
                "pip install 'sftp-async[proxy]'"
            ) from None
        for option, word in (
            ("the user in proxy_url", proxy.username),
            ("proxy_password", password),
        ):
            if word and not (word.isascii() and len(word) <= LONGEST_SOCKS_WORD):
                raise OptionsError(f"{option} must be ASCII of at most 255 bytes for SOCKS5")
        self._module: Any = asyncio_socks

    async def create_connection(self, make: Maker, host: str, port: int) -> Made:
        """Connect to a host behind the proxy."""
        import python_socks

        loop = asyncio.get_running_loop()
        proxy = self._module.Proxy(
            python_socks.ProxyType.SOCKS5,
            self._proxy.host,
            self._proxy.port,
            username=self._proxy.username,
            password=self._password,
            rdns=True,
            loop=loop,
        )
        try:
            sock = await proxy.connect(host, port, timeout=self._timeout)
        except python_socks.ProxyError as error:
            raise self._explained(error, host, port) from None
        except OSError as error:
            raise self._unreachable(error.__cause__ or error) from None
        return cast("Made", await loop.create_connection(make, sock=sock))

    def _explained(self, error: Any, host: str, port: int) -> SFTPAsyncError:
        reason = _printable(str(error))
        if error.error_code is not None:
            return self._failed(host, port, reason, final=error.error_code in FINAL_REPLIES)
        # The library has no codes for these; its words are its own, not the proxy's.
        if "authentication" in reason:
            return self._refused_login(reason)
        if "closed" in reason:
            return self._hung_up(host, port)
        return self._no_proxy(reason)


class HTTPTunnel(ProxyTunnel):
    """An HTTP proxy that knows CONNECT.

    Not by the library that does SOCKS5 here: it takes the proxy's answer with all that came in the
    same read, and an SSH server speaks first, so its greeting would now and then be lost.
    """

    async def create_connection(self, make: Maker, host: str, port: int) -> Made:
        """Connect to a host behind the proxy."""
        loop = asyncio.get_running_loop()
        answer = _Answer(self._request(host, port))
        try:
            transport, _ = await loop.create_connection(
                lambda: answer, self._proxy.host, self._proxy.port
            )
        except OSError as error:
            raise self._unreachable(error) from None
        try:
            status, rest = await answer.whole
            self._check(status, host, port)
            if rest is None:
                raise self._no_proxy("its answer has no end")
        except BaseException:
            transport.abort()
            raise
        protocol = make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            protocol.data_received(rest)
        transport.resume_reading()
        return transport, protocol

    def _request(self, host: str, port: int) -> bytes:
        target = authority(host.encode("idna").decode("ascii"), port)
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self._proxy.username is not None:
            login = f"{self._proxy.username}:{self._password or ''}".encode()
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}")
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")

    def _check(self, status: bytes | None, host: str, port: int) -> None:
        if status is None:
            raise self._hung_up(host, port)
        line = _printable(status.decode("latin-1"))
        version, _, reason = line.partition(" ")
        code = reason[:3]
        if not version.startswith("HTTP/") or not code.isdigit():
            raise self._no_proxy(line)
        if code in ("407", "401"):  # tinyproxy says 401 of a wrong password
            raise self._refused_login(reason)
        if not code.startswith("2"):
            raise self._failed(host, port, reason, final=not code.startswith("5"))


class _Answer(asyncio.Protocol):
    """Sends a request and reads the answer to it, up to the blank line and no further.

    Attributes:
        whole: the answer's first line, and what came behind the blank line: the server's. No line
            if the proxy hung up; nothing behind it if no blank line came within `LONGEST_ANSWER`.

    """

    def __init__(self, request: bytes) -> None:
        self.whole: asyncio.Future[tuple[bytes | None, bytes | None]] = (
            asyncio.get_running_loop().create_future()
        )
        self._request = request
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, blank, rest = self._read.partition(b"\r\n\r\n")
        strange = not self._read.startswith(b"HTTP/"[: len(self._read)])
        if (blank or strange or len(self._read) > LONGEST_ANSWER) and not self.whole.done():
            # What comes from now on is for the protocol that follows.
            self._transport.pause_reading()
            self.whole.set_result((head.partition(b"\r\n")[0], rest if blank else None))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.whole.done():
            self.whole.set_result((None, None))


def tunnel_of(options: ConnectionOptions) -> ProxyTunnel | None:
    """Return the tunnel through the proxy of `proxy_url`; None without one.

    Raises:
        OptionsError: it needs an extra that is not installed, or the login cannot be sent.

    """
    for proxy in proxies_of(options):
        kind = SocksTunnel if proxy.scheme == "socks5" else HTTPTunnel
        secret = options.proxy_password
        return kind(proxy, secret.get_secret_value() if secret else None, options.connect_timeout)
    return None


def _printable(text: str) -> str:
    """Shorten a proxy's answer, and replace what cannot be printed."""
    return "".join(c if c.isprintable() else "?" for c in text[:100])
