"""Connections through bastions and proxies: their options, and refusals on the way."""

from __future__ import annotations

from typing import Any

import pytest

from sftp_async.errors import ConnectError
from tests.functional.remote.ssh.connections import login
from tests.support.sshd import SSHD


def behind(server: SSHD, *bastions: SSHD, **more: Any) -> dict[str, Any]:
    """Return the options that lead to a server over bastions, all of whose host keys are known."""
    return server.options() | {
        "proxy_jump": ",".join(f"{one.host}:{one.port}" for one in bastions),
        "known_hosts": "".join(one.known_hosts for one in (*bastions, server)),
        **more,
    }


async def refused_on_the_way(
    options: dict[str, Any], kind: type[ConnectError], words: str, *, at: str
) -> ConnectError:
    """Fail to connect, with an error of this kind about `at`, which shows no secret."""
    with pytest.raises(ConnectError, match=words) as caught:
        await login(options)
    error = caught.value
    assert (type(error), error.host) == (kind, at)
    assert "hunter2" not in f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert error.hint
    return error
