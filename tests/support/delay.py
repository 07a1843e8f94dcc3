"""A network that takes its time: everything arrives, in order, a while later."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast


class DelayProxy:
    """Forwards TCP connections on a loopback port of its own; as wide as the machine allows.

    Args:
        host, port: of the server.
        round_trip: seconds that a request and its answer spend on the way.

    """

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self._target = (host, port)
        self._one_way = round_trip / 2
        self._ends: set[_End] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delay", daemon=True)

    def start(self) -> DelayProxy:
        """Listen on a free port."""
        self._thread.start()
        self._server = self._do(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Reset everything and end."""

        async def end() -> None:
            self._server.close()
            for one in list(self._ends):
                one.transport.abort()

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, command: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(command, self._loop).result()

    async def _listen(self) -> asyncio.Server:
        def client() -> _End:
            near, far = _End(self._ends, self._one_way), _End(self._ends, self._one_way)
            near.other, far.other = far, near
            dialling = asyncio.ensure_future(
                self._loop.create_connection(lambda: far, *self._target)
            )
            near.dialling = dialling
            return near

        return await self._loop.create_server(client, self.host, self.port)


class _End(asyncio.Protocol):
    """One side of a connection; what comes in here leaves at the other side, later."""

    other: _End
    transport: asyncio.Transport
    dialling: asyncio.Future[Any] | None = None

    def __init__(self, ends: set[_End], delay: float) -> None:
        self._ends = ends
        self._delay = delay
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._ends.add(self)
        if self.dialling is not None:
            self.transport.pause_reading()
            self.dialling.add_done_callback(self._dialled)

    def _dialled(self, dialling: asyncio.Future[Any]) -> None:
        if dialling.cancelled() or dialling.exception() is not None:
            self.transport.abort()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._loop.call_later(self._delay, self.other.transport.write, data)

    def eof_received(self) -> bool:
        self._loop.call_later(self._delay, self.other.transport.close)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._ends.discard(self)
        if hasattr(self.other, "transport"):
            self._loop.call_later(self._delay, self.other.transport.abort)
