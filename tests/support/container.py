"""OpenSSH in a Docker container, from the project's own image, through testcontainers."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.keys import KINDS, KeySet
from tests.support.requirements import skip_without

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

IMAGE = "sftp-async-openssh:latest"
BUILD = Path(__file__).parents[1] / "integration" / "image" / "build.sh"
SMALL_MIB = 4
#: Times that a command's output is asked for, and what stands around it.
ATTEMPTS, MARK = 20, "=mark="


class ContainerServer:
    """An sshd in a container: a user with a key and a password, a home, and a small disk.

    `small` is a directory on a disk of `SMALL_MIB` MiB, for tests that fill it.
    """

    def __init__(self, user_keys: KeySet) -> None:
        self.username = "tester"
        self.password = secrets.token_urlsafe(12)
        self.home = f"/home/{self.username}"
        self.small = "/small"
        self.user_keys = user_keys
        self._container = self._make()

    def start(self) -> ContainerServer:
        """Start it and return once sshd listens."""
        self._container.start()
        # Not testcontainers' idea of the address, which depends on where it believes to run.
        self.host = "127.0.0.1"
        daemon = self._container.get_docker_client()
        self.port = int(daemon.port(self._container.get_container_id(), 22))
        public = [self.read(f"/etc/ssh/ssh_host_{kind}_key.pub") for kind in KINDS]
        self.known_hosts = "".join(
            f"[{self.host}]:{self.port} {' '.join(key.decode().split()[:2])}\n" for key in public
        )
        return self

    def stop(self) -> None:
        """Remove the container."""
        self._container.stop()

    def options(self, *, password: bool = False, key: bool = True) -> dict[str, str]:
        """Return the options that `df.write.format("sftp").options(**...)` needs to log in."""
        options = {
            "host": self.host,
            "port": str(self.port),
            "username": self.username,
            "known_hosts": self.known_hosts,
        }
        if password:
            options["password"] = self.password
        if key:
            options["private_key_content"] = self.user_keys.private("ed25519")
        return options

    def make_dir(self) -> str:
        """Make a fresh directory that belongs to the user; return its remote path."""
        path = f"{self.home}/{secrets.token_hex(8)}"
        self.execute("install", "--directory", f"--owner={self.username}", path)
        return path

    def names(self, path: str) -> list[str]:
        """The files and directories in a directory, sorted, hidden ones too."""
        return self._output("ls", "-A", path).decode().split("\n")[:-1]

    def read(self, path: str) -> bytes:
        """A file's content."""
        return self._output("cat", path)

    def log_text(self) -> str:
        """Everything sshd has logged until now."""
        return b"".join(self._container.get_logs()).decode(errors="replace")

    def execute(self, *command: str) -> bytes:
        """Run a command as root; return its output, of which Docker may have lost some."""
        done = self._container.exec(list(command))
        assert done.exit_code == 0, f"{command}: {done.output!r}"
        return done.output

    def _output(self, *command: str) -> bytes:
        """Run a command that only looks; return all of its output.

        Docker's client reads past what comes in one piece with the head of the reply: that output
        is lost, about once in a hundred on a busy machine, with exit code 0. So marks before and
        after it show that all of it came.
        """
        for _ in range(ATTEMPTS):
            marked = f'printf {MARK}; "$@" && printf {MARK}'
            output = self.execute("sh", "-c", marked, "sh", *command)
            before, mark, after = output[: len(MARK)], MARK.encode(), output[-len(MARK) :]
            if before == after == mark and len(output) >= 2 * len(MARK):
                return output[len(MARK) : -len(MARK)]
        raise AssertionError(f"Docker has lost the output of {command} {ATTEMPTS} times")

    def _make(self) -> DockerContainer:
        require_image()
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        container = (
            DockerContainer(IMAGE)
            .with_env("SFTP_USER", self.username)
            .with_env("SFTP_PASSWORD", self.password)
            .with_env("SFTP_AUTHORIZED_KEYS", "\n".join(map(self.user_keys.public, KINDS)))
            .waiting_for(LogMessageWaitStrategy("Server listening on 0.0.0.0"))
        )
        container.ports["22"] = ("127.0.0.1",)  # a free port, not reachable from outside
        container.tmpfs[self.small] = f"size={SMALL_MIB}m"
        return container


def require_image() -> None:
    """Skip or fail without Docker; build the image if it is not there."""
    # The image of testcontainers' watchdog needs a registry.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    try:
        import docker
        import testcontainers.core.container  # noqa: F401
    except ImportError:
        skip_without("the Python packages docker and testcontainers (dependency group `test`)")
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException as error:
        skip_without(f"a Docker daemon that answers ({error})")
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        build = subprocess.run([BUILD], check=False, capture_output=True, text=True)
        if build.returncode != 0:
            skip_without(f"the image {IMAGE}, and {BUILD.name} failed:\n{build.stderr[-2000:]}")
    finally:
        client.close()
