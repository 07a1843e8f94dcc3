"""Names of an archive's members: by a template, and safe wherever they are unpacked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sftp_async.layout.member_names import MemberNames, template_problem

pytestmark = pytest.mark.one_python

NOON = datetime(2026, 11, 23, 12)


def rendered(template: str | None, archive: str = "daily.zip", **more: Any) -> str:
    return MemberNames(template, "csv", NOON).render(archive, **more)


@pytest.mark.parametrize(
    ("template", "more", "name"),
    [
        (None, {}, "daily.csv"),
        (None, {"several": True, "partition": 3}, "daily-00003.csv"),
        (None, {"archive": "orders.csv.zip"}, "orders.csv"),
        (None, {"archive": "DAILY"}, "DAILY.csv"),
        ("{now:%Y%m%d}_{seq:02d}.txt", {"seq": 7}, "20261123_07.txt"),
        ("{job}-{batch}", {"job": "0f", "batch": "12"}, "0f-12"),
        ("{country}", {"directory": "day=1/country=D%2FE"}, "D%2FE"),
    ],
)
def test_a_name_is_filled_in(template: str | None, more: dict[str, Any], name: str) -> None:
    assert rendered(template, **more) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "C:x", "a\nb", ".ssh", "_x", "ä" * 128],
)
def test_a_name_that_is_unsafe_where_it_is_unpacked_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"has|is empty|begins"):
        rendered(name.replace("{", "{{") or "{stem:.0}")


@pytest.mark.parametrize("name", ["x.csv.gz", "x.ZST", "x.zip", "x.tar.gz", "x.tgz", "x.csv.pgp"])
def test_a_name_of_another_kind_of_file_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"which ends as a file .*, and the member is none"):
        rendered(name)


def test_a_member_that_is_compressed_may_be_called_so() -> None:
    names = MemberNames("{stem}.txt.GZIP", "csv.gz", NOON)
    assert names.render("daily.tar") == "daily.txt.GZIP"
    assert rendered("gz") == "gz"


def test_unknown_fields_are_named() -> None:
    assert template_problem("{stem}{batch}", ("day",), stream=True) is None
    problem = template_problem("{stem}{batch}", ("day",), stream=False)
    assert problem == "{batch}: there are day, job, now, partition, seq, stem"
