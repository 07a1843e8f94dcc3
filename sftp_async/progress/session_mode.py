"""Asks the process that registered a session how the session overwrites partitions now.

Spark plans a write in a Python process of its own, which sees options and no session. The listener
of the process that called `register` answers for the session: what is set after `register` counts.
"""

from __future__ import annotations

import logging
import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from sftp_async.progress.messages import ModeAnswer, ModeQuestion, seal, unseal

if TYPE_CHECKING:
    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.progress.session_mode")

#: Seconds to wait for one answer, and how often the question is sent: datagrams may be lost.
ANSWER_SECONDS = 0.5
SENDINGS = 6
#: Bytes of the longest answer.
LONGEST_ANSWER = 512


def ask_mode(address: Address, session: int) -> str | None:
    """Return the session's mode of overwriting partitions: `static` or `dynamic`.

    Args:
        address: of the listener in the process that registered the session.
        session: its number there.

    Returns:
        None if no answer comes within three seconds, or nothing listens there.

    """
    question = ModeQuestion("question", session, secrets.token_hex(16))
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as asking:
            # Connected: a closed port is an error at once, and no other sender is heard.
            asking.connect((address.host, address.port))
            asking.settimeout(ANSWER_SECONDS)
            for _ in range(SENDINGS):
                asking.send(seal(address.key, question))
                with suppress(TimeoutError, ValidationError):
                    content = unseal(address.key, asking.recv(LONGEST_ANSWER)) or b""
                    answer = TypeAdapter(ModeAnswer).validate_json(content)
                    if answer.nonce == question.nonce:
                        return answer.mode
    except OSError as error:
        log.debug("the session's mode of overwriting is not known: %s", error)
    return None
