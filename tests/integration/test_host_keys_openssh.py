"""Host keys of OpenSSH: known, pinned, changed, revoked, certified."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.errors import HostKeyError
from tests.functional.remote.ssh.connections import login, refused
from tests.support.keys import KeySet
from tests.support.sshd import SSHD

pytestmark = pytest.mark.usefixtures("home")

Start = Callable[..., SSHD]


def without_host_key(server: SSHD) -> dict[str, str]:
    options = server.options()
    del options["known_hosts"]
    return options


@pytest.mark.asyncio
async def test_the_fingerprint_in_the_error_is_the_one_that_openssh_prints(
    start_sshd: Start, host_keys: KeySet
) -> None:
    server = start_sshd()
    error = await refused(without_host_key(server), HostKeyError, "host key is unknown")
    assert isinstance(error, HostKeyError)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(host_keys.path("ed25519"))],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert error.fingerprint == listed.split()[1]
    assert f"set host_key_fingerprint to {error.fingerprint}" in str(error)
    server.stop()
    assert server.log_text().count("Connection from") == 1
    assert server.logins() == 0


@pytest.mark.asyncio
async def test_the_users_own_known_hosts_file_counts(sshd: SSHD, home: Path) -> None:
    (home / ".ssh" / "known_hosts").write_text(
        "# a comment\n\nnot a line\n|1|bad\n@odd * x y\n" + sshd.known_hosts
    )
    await login(without_host_key(sshd))


@pytest.mark.asyncio
async def test_a_hashed_known_hosts_file_counts(sshd: SSHD, home: Path) -> None:
    file = home / ".ssh" / "known_hosts"
    file.write_text(sshd.known_hosts)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "127.0.0.1" not in file.read_text()
    await login(without_host_key(sshd))
    await login({**without_host_key(sshd), "known_hosts": file.read_text()})


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
async def test_one_known_key_of_several_is_enough_whatever_its_type(
    sshd: SSHD, host_keys: KeySet, kind: str
) -> None:
    line = f"[127.0.0.1]:{sshd.port} {host_keys.public(kind)}"
    assert await login({**sshd.options(), "known_hosts": line}) == line
    options = {**without_host_key(sshd), "host_key_fingerprint": host_keys.public(kind)}
    assert await login(options) == line


@pytest.mark.asyncio
async def test_the_fingerprint_that_ssh_shows_is_the_one_that_counts(sshd: SSHD) -> None:
    shown = subprocess.run(
        ["ssh", "-v", "-F", "none", "-o", "BatchMode=yes", "-p", str(sshd.port), "127.0.0.1"],
        check=False,
        capture_output=True,
        text=True,
    ).stderr
    found = re.search(r"Server host key: \S+ (SHA256:\S+)", shown)
    assert found
    await login({**without_host_key(sshd), "host_key_fingerprint": found[1]})


@pytest.mark.asyncio
async def test_a_known_key_of_a_type_the_server_no_longer_has_ends_in_its_fingerprint(
    start_sshd: Start, host_keys: KeySet
) -> None:
    server = start_sshd(HostKey=host_keys.path("ecdsa"))
    line = f"[127.0.0.1]:{server.port} {host_keys.public('rsa')}"
    error = await refused(
        {**server.options(), "known_hosts": line}, HostKeyError, "not the expected one"
    )
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == host_keys.fingerprint("ecdsa")


@pytest.mark.asyncio
async def test_a_revoked_key_is_refused_though_it_is_known(sshd: SSHD, host_keys: KeySet) -> None:
    revoked = "".join(
        f"@revoked [127.0.0.1]:{sshd.port} {host_keys.public(kind)}\n"
        for kind in ("ed25519", "ecdsa", "rsa")
    )
    error = await refused(
        {**sshd.options(), "known_hosts": sshd.known_hosts + revoked}, HostKeyError, "revoked"
    )
    assert "Check known_hosts for a revoked key" in str(error)


@pytest.mark.asyncio
async def test_the_verified_key_verifies_the_host_for_the_next_connection(sshd: SSHD) -> None:
    line = await login(sshd.options())
    assert line is not None
    assert await login({**sshd.options(), "known_hosts": line}) == line


@pytest.fixture
def certified(start_sshd: Start, host_keys: KeySet, tmp_path: Path) -> Callable[..., SSHD]:
    """Start an sshd whose host key is signed by `tmp_path/ca`."""

    def start(principal: str) -> SSHD:
        key = tmp_path / "host"
        key.write_text(host_keys.private("ed25519"))
        key.chmod(0o600)
        key.with_suffix(".pub").write_text(host_keys.public("ed25519"))
        for command in (
            ["-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca")],
            ["-s", str(tmp_path / "ca"), "-I", "x", "-h", "-n", principal, str(key)],
        ):
            subprocess.run(["ssh-keygen", "-q", *command], check=True, capture_output=True)
        return start_sshd(HostKey=key, HostCertificate=tmp_path / "host-cert.pub")

    return start


def authority(tmp_path: Path) -> str:
    return f"@cert-authority * {(tmp_path / 'ca.pub').read_text()}"


@pytest.mark.asyncio
async def test_a_host_certificate_of_a_known_authority_counts_and_pins_its_key(
    certified: Callable[..., SSHD], tmp_path: Path
) -> None:
    server = certified("127.0.0.1")
    line = await login({**server.options(), "known_hosts": authority(tmp_path)})
    assert line == f"[127.0.0.1]:{server.port} {server.host_keys.public('ed25519')}"
    await login({**server.options(), "known_hosts": line})


@pytest.mark.asyncio
async def test_a_host_certificate_for_another_host_is_refused(
    certified: Callable[..., SSHD], tmp_path: Path
) -> None:
    server = certified("elsewhere.example.com")
    await refused({**server.options(), "known_hosts": authority(tmp_path)}, HostKeyError, "refused")


@pytest.mark.asyncio
async def test_a_fingerprint_counts_though_the_server_has_a_certificate_too(
    certified: Callable[..., SSHD],
) -> None:
    server = certified("127.0.0.1")
    await login(
        {**without_host_key(server), "host_key_fingerprint": server.fingerprints["ed25519"]}
    )


@pytest.fixture
def other_authority(tmp_path: Path) -> str:
    """A line for every host, of an authority that signed no key here."""
    key = tmp_path / "other_ca"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return f"@cert-authority * {key.with_suffix('.pub').read_text()}"


@pytest.mark.asyncio
async def test_a_certificate_of_another_authority_leaves_the_plain_key_to_be_checked(
    certified: Callable[..., SSHD], other_authority: str
) -> None:
    server = certified("127.0.0.1")
    plain = server.options()["known_hosts"]
    line = await login({**server.options(), "known_hosts": other_authority + plain})
    assert line == f"[127.0.0.1]:{server.port} {server.host_keys.public('ed25519')}"


@pytest.mark.asyncio
async def test_a_certificate_for_another_host_leaves_the_plain_key_to_be_checked(
    certified: Callable[..., SSHD], tmp_path: Path
) -> None:
    server = certified("elsewhere.example.com")
    known = authority(tmp_path) + server.options()["known_hosts"]
    await login({**server.options(), "known_hosts": known})


@pytest.mark.asyncio
async def test_another_plain_key_is_refused_behind_a_certificate_of_another_authority(
    certified: Callable[..., SSHD], other_authority: str, user_keys: KeySet
) -> None:
    server = certified("127.0.0.1")
    wrong = f"[127.0.0.1]:{server.port} {user_keys.public('ed25519')}\n"
    error = await refused(
        {**server.options(), "known_hosts": other_authority + wrong},
        HostKeyError,
        "not the expected one",
    )
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == server.fingerprints["ed25519"]
    server.stop()
    assert server.logins() == 0


@pytest.mark.asyncio
async def test_without_a_plain_key_the_certificate_of_another_authority_is_refused(
    certified: Callable[..., SSHD], other_authority: str
) -> None:
    server = certified("127.0.0.1")
    await refused(
        {**server.options(), "known_hosts": other_authority}, HostKeyError, "host key was refused"
    )
    server.stop()
    assert server.log_text().count("Connection from") == 1
