"""The types of the options' names, the signature, `help()`, `repr` and the table in a notebook."""

from __future__ import annotations

import inspect
import pydoc
from typing import get_type_hints

from pydantic import BaseModel

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES, CONVERTED, aliases_of
from sftp_async.options.catalog import option_entries
from sftp_async.options.keyword_source import PACKAGE, keyword_modules
from sftp_async.options.keywords import SFTPOptionsDict

SECRET = "pw-S3cret<b>"


def test_the_committed_modules_are_the_generated_ones() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py")}
    assert committed == keyword_modules(), "run: python -m sftp_async.options.keyword_source"


def test_every_option_and_every_other_name_has_a_type_that_can_be_evaluated() -> None:
    hints = get_type_hints(SFTPOptionsDict)
    others = {alias for name in SFTPOptions.model_fields for alias in aliases_of(name)}
    assert hints.keys() == (SFTPOptions.model_fields.keys() | others) - {"pass"}
    assert SFTPOptionsDict.__required_keys__ == frozenset()


def test_the_signature_has_keywords_with_their_defaults_and_no_types() -> None:
    parameters = dict(inspect.signature(SFTPOptions).parameters)
    others = parameters.pop("other_names")
    assert others.kind is inspect.Parameter.VAR_KEYWORD
    assert list(parameters) == [entry.name for entry in option_entries()]
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert {each.annotation for each in parameters.values()} == {inspect.Parameter.empty}
    assert parameters["host"].default is inspect.Parameter.empty
    assert parameters["port"].default == 22


def test_dir_has_what_is_for_users_and_what_pydantic_adds() -> None:
    names = {name for name in dir(SFTPOptions) if not name.startswith("_")}
    own = {"address", "from_env", "from_profile", "from_spark", "from_url", "plan", "resolve"}
    assert names - {*dir(BaseModel), *SFTPOptions.model_fields} == own | {"to_spark"}


def test_help_says_what_each_option_does() -> None:
    shown = " ".join(
        pydoc.render_doc(SFTPOptions, renderer=pydoc.plaintext).replace("|", " ").split()
    )
    for entry in option_entries():
        plain = " ".join(entry.as_plain_text().description.replace("|", " ").split())
        assert plain in shown, entry.name
    assert "Also: hostname, server." in shown


def test_repr_shows_what_was_given_and_no_secret() -> None:
    options = SFTPOptions(host="h", user="me", password=SECRET, chunk_size="8MiB", sep=r"\t")
    assert repr(options) == (
        "SFTPOptions(host='h', username='me', password=SecretStr('**********'), "
        r"chunk_size=8388608, sep='\t')"
    )
    assert SECRET not in str(options)


def test_a_notebook_shows_what_was_given_and_no_secret() -> None:
    options = SFTPOptions(host="h", user="<b>&", password=SECRET, null_value="</code>")
    shown = options._repr_html_()
    assert "<td style='text-align:left'><code>&#x27;&lt;b&gt;&amp;&#x27;</code></td>" in shown
    assert shown.count("<tr>") == 4
    assert "</code>&" not in shown
    assert SECRET not in shown
    assert "pw-S3cret" not in shown


def test_other_names_are_described_as_such() -> None:
    source = "".join(keyword_modules().values())
    assert '"""Another name of `host`."""' in source
    assert all(
        f"    {name}: " in source for names in ALIASES.values() for name in names if name != "pass"
    )
    assert all(f"    {name}: " in source for name in CONVERTED)
