"""Checks of what options, layout and format must agree on before a job is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sftp_async.errors import OptionsError
from sftp_async.formats import Format, registry
from sftp_async.formats.text.encoder import open_text
from sftp_async.options import FormatOptions, SFTPOptions, format_names
from sftp_async.write.plan import plan_job
from tests.support.jobs import LINES

if TYPE_CHECKING:
    import pyarrow as pa


class Dashed:
    """A format whose extension has a dash in it."""

    def encoder(self, options: FormatOptions, schema: pa.Schema, /) -> Format:
        made = open_text(options, schema)
        made.extension = "fixed-width"
        return made


def test_an_extension_that_an_overwrite_does_not_recognize_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "mine", Dashed())
    monkeypatch.setattr(format_names, "BUILT_IN", [*registry.BUILT_IN])
    options = SFTPOptions(host="h", username="u", password="p", path="/out", format="mine")
    with pytest.raises(OptionsError, match="format=mine has the extension 'fixed-width'"):
        plan_job(options, LINES, overwrite=False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"path": "/out", "max_file_bytes": "1m"}, "max_file_bytes is not for format=excel"),
        ({"path": "/out/a.XLS", "single_file": True}, r"writes \.xlsx: .* the name 'a\.XLS'"),
    ],
)
def test_what_a_workbook_cannot_be_is_refused(given: dict[str, Any], why: str) -> None:
    options = SFTPOptions(host="h", username="u", password="p", format="excel", **given)
    with pytest.raises(OptionsError, match=why):
        plan_job(options, LINES, overwrite=False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"path": "/out", "fixed_header": '"H"'}, "^Invalid option: fixed_header is for one exact"),
        (
            {"path": "/out/a.dat", "fixed_trailer": '"T", rows:3', "archive": "zip"}
            | {"archive_member_template": "{seq}.txt", "single_file": True},
            "^Invalid option: fixed_trailer is for an archive with one member",
        ),
    ],
)
def test_a_control_record_is_called_as_the_option_that_has_it(
    given: dict[str, Any], why: str
) -> None:
    fixed = {"format": "fixed", "fixed_layout": "line:9"}
    options = SFTPOptions(host="h", username="u", password="p", **fixed, **given)
    with pytest.raises(OptionsError, match=why):
        plan_job(options, LINES, overwrite=False)


@pytest.mark.parametrize(("password", "size"), [("x" * 100, 100), ("é" * 50, 100)])
def test_a_password_that_7_zip_does_not_take_is_refused(password: str, size: int) -> None:
    def options(password: str) -> SFTPOptions:
        login = {"host": "h", "username": "u", "password": "p"}
        return SFTPOptions(**login, path="/out/a.zip", archive_password=password)

    with pytest.raises(OptionsError, match=f"archive_password has {size} bytes, and 7-Zip"):
        plan_job(options(password), LINES, overwrite=False)
    plan_job(options(password[:49]), LINES, overwrite=False)
