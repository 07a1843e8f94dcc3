"""`ClientCallbacks`: asyncssh's callbacks of one login: host keys, prompts, the server's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import asyncssh

from sftp_async.humanize import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.remote.ssh.host_keys import HostKeyPolicy

#: Characters of the server's words that an error shows.
LONGEST_WORDS = 300


class ClientCallbacks(asyncssh.SSHClient):
    """Decides on host keys, answers a password prompt, and keeps what the server says.

    Args:
        policy: asked about a key that known_hosts does not vouch for.
        password: sent once, whether the server asks for it by `password` or by
            `keyboard-interactive`: servers lock accounts after a few wrong ones.

    """

    def __init__(self, policy: HostKeyPolicy, password: str | None) -> None:
        self._policy = policy
        self._secret = password
        #: The same, until it was sent.
        self._password = password
        self._tried_password = False
        self._offered_answers = False
        self._answered: set[str] = set()
        self._statements: list[str] = []
        #: The connection, as soon as TCP is connected.
        self.ssh: asyncssh.SSHClientConnection | None = None
        #: The bastion before it, which no other connection uses, once the login is done.
        self.bastion: asyncssh.SSHClientConnection | None = None
        #: The server has accepted the credentials.
        self.logged_in = False
        #: The server asked for something that is no option: another password, a one-time code.
        self.asked_more = False

    @property
    def words(self) -> str:
        """What the server stated about a login that it did not accept; see `quotable`."""
        return self.quotable(" ".join(dict.fromkeys(self._statements)))

    def quotable(self, text: str) -> str:
        """Return a text of the server's for an error: on one line, printable and bounded.

        A text that repeats the password is not shown: the result is empty.
        """
        if self._secret and self._secret in text:
            return ""
        return printable(" ".join(text.split()), LONGEST_WORDS)

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Keep the connection."""
        self.ssh = conn

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the bastion, which nothing uses any more."""
        if self.bastion is not None:
            self.bastion.close()

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Decide on a host key that known_hosts does not vouch for."""
        return self._policy.accepts(key)

    def auth_banner_received(self, msg: str, lang: str) -> None:
        """Keep a text that answers the password."""
        # Before the password was tried, it is the text that every login begins with.
        if self._tried_password:
            self._statements.append(msg)

    def auth_completed(self) -> None:
        """Note that the server accepted the credentials."""
        self.logged_in = True

    def password_auth_requested(self) -> str | None:
        """Return the password, once."""
        password, self._password = self._password, None
        self._tried_password = True
        return password

    def password_change_requested(self, prompt: str, lang: str) -> tuple[str, str]:
        """Keep what the server says about an expired password, and change nothing."""
        self._statements.append(prompt)
        self.asked_more = True
        # asyncssh's "no": the next method is tried.
        return cast("tuple[str, str]", NotImplemented)

    def kbdint_auth_requested(self) -> str | None:
        """Accept questions, once: a server that has none refuses, and would be asked again."""
        if self._password is None or self._offered_answers:
            return None
        self._offered_answers = True
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer the question for the password; keep the text of any other."""
        self._statements += [name, instructions]
        if not prompts:
            return []  # a text to be read
        asked = [text for text, _ in prompts]
        if len(asked) == 1 and any(word in asked[0].lower() for word in ("password", "passcode")):
            password = self.password_auth_requested()
            if password is not None:
                self._answered.add(asked[0])
                return [password]
        more = [text for text in asked if text not in self._answered]
        self.asked_more = self.asked_more or bool(more)
        self._statements += more
        return None
