"""The zone of the machine, as a JVM finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.formats.values import zones
from sftp_async.formats.values.zones import machine_zone

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    "name", [BERLIN, f":{BERLIN}", f"/usr/share/zoneinfo/{BERLIN}", f":/x/zoneinfo/posix/{BERLIN}"]
)
def test_the_variable_names_a_zone_in_each_spelling(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TZ", name)
    assert machine_zone() == BERLIN


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "/etc/somewhere"])
def test_without_a_known_name_it_is_that_of_the_link_and_else_utc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("TZ", name)
    link = tmp_path / "localtime"
    link.symlink_to(f"/usr/share/zoneinfo/{BERLIN}")
    monkeypatch.setattr(zones, "_LINK", link)
    assert machine_zone() == BERLIN
    monkeypatch.setattr(zones, "_LINK", tmp_path / "missing")
    assert machine_zone() == "UTC"
