"""Warns of secrets in plain text that Spark may show in a plan or in its event log."""

from __future__ import annotations

import logging
import re
import warnings
from typing import TYPE_CHECKING, Final, get_args

from pydantic import SecretStr

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import Gathered
from sftp_async.options.reference_policy import spark_server
from sftp_async.options.ssh_syntax import is_reference, looks_like_path

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("sftp_async.spark.plain_secrets")

#: Names of options that Spark redacts by default (`spark.redaction.regex`,
#: org.apache.spark.internal.config.SECRET_REDACTION_PATTERN).
_REDACTED: Final = re.compile("secret|password|token|access[.]?key|credential", re.IGNORECASE)
#: Secrets that may be given by the path of a file.
_MAY_BE_PATHS: Final = {"pgp_private_key", "pgp_sign_key"}


def warn_of_plain_secrets(given: Mapping[str, str]) -> None:
    """Warn of secrets that are given as text and under names that Spark does not redact.

    A source cannot distinguish the options of SQL from those of `df.write`, which are in no plan
    unless it writes a table: so the warning names the case. On a server for several users, the text
    of their statements is on a page of Spark's, with every secret in it.

    Args:
        given: the options as Spark passes them, each under the name that the user wrote.

    """
    server = spark_server()
    plain = [
        name
        for name, value in given.items()
        if _is_plain_secret(name, value) and (server or not _REDACTED.search(name))
    ]
    if plain:
        log.warning(
            "%s: given in plain text. From SQL, saveAsTable or writeTo, Spark shows it in plans, "
            "on its pages and in the event log. Give a reference instead (env:NAME or file:/path), "
            "or a profile",
            ", ".join(plain),
        )


def _is_plain_secret(name: str, value: str) -> bool:
    fields = SFTPOptions.model_fields
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those about the name come from the options themselves
        meant = Gathered({name: value}, fields).given
    secret = any(SecretStr in get_args(fields[each].annotation) for each in meant)
    elsewhere = is_reference(value) or ({*meant} <= _MAY_BE_PATHS and looks_like_path(value))
    return secret and bool(value.strip()) and not elsewhere
