"""Selects among the files that were listed: by name, time, and signs that a file is complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.formats.archive import is_archive
from sftp_async.formats.fixed.control import states_rows
from sftp_async.formats.values import text_times
from sftp_async.formats.values.zones import zone_of
from sftp_async.layout.sidecars import ALGORITHMS, done_name
from sftp_async.options.pgp import pgp_extension
from sftp_async.options.problems import Problems
from sftp_async.read.control import verifies_lines
from sftp_async.read.hidden_names import HIDDEN, is_hidden
from sftp_async.read.path_patterns import NamePattern

if TYPE_CHECKING:
    from collections.abc import Collection

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.filesystem import RemoteEntry

NOT_MATCHING = "its name does not match path_glob_filter"
TOO_OLD = "it was not modified after modified_after"
TOO_NEW = "it was not modified before modified_before"
TOO_YOUNG = "it was modified less than min_age ago"
NOT_DONE = "its done file is not there (done_file_template)"
SIDECAR = "it is a checksum file or done file of another file"
EMPTY = "it is empty"


class Selection:
    """What the options say about single files.

    Args:
        options: of the read.
        address: of the server, for errors.
        now: seconds since 1970; the ages of files are counted from it. SFTP has no request for the
            server's clock, so it is the driver's.

    Raises:
        OptionsError: a pattern is malformed, or a time zone is unknown.

    """

    def __init__(self, options: SFTPOptions, address: str, now: float | None = None) -> None:
        self._address = address
        self._suffixes = options.ignore_suffixes
        self._done = options.done_file_template
        self._min_age = options.min_age
        self._verifies = (
            options.verify_control is True or verifies_lines(options) or states_rows(options)
        )
        self._decrypts = options.pgp_private_key is not None
        self._cleans = options.clean_source != "off"
        self._reads_members = options.archive != "none" and options.format != "binary"
        self._now = time.time() if now is None else now
        zone = options.time_zone or "UTC"
        problems = Problems()
        self._pattern = None
        if options.path_glob_filter is not None:
            try:
                self._pattern = NamePattern.of(options.path_glob_filter)
            except ValueError as error:
                problems.add([f"path_glob_filter: {error}."])
        times: list[float | None] = []
        for name in ("modified_after", "modified_before"):
            text = getattr(options, name)
            try:
                micros = None if text is None else text_times.timestamp(text, zone_of(zone))
                times.append(None if micros is None else micros / 1e6)
            except (ValueError, OverflowError) as error:
                problems.add([f"{name}: {error}."])
        problems.raise_all()
        self._after, self._before = times
        # The names of done files for one directory: all of its files ask for them, one by one.
        self._siblings: Collection[str] = ()
        self._done_names: set[str] = set()
        self._needs_time = [
            name for name in ("modified_after", "modified_before") if getattr(options, name)
        ] + (["min_age"] if options.min_age else [])

    @property
    def done_file_template(self) -> str | None:
        """Template of the file that must be next to each file."""
        return self._done

    def reason(
        self,
        path: str,
        entry: RemoteEntry,
        siblings: Collection[str] | None = None,
        *,
        is_named: bool = False,
        may_be_hidden: bool = False,
    ) -> str | None:
        """Return why a file is left out; None: it is read.

        Args:
            path: of the file.
            entry: of the file.
            siblings: the names in its directory; None: they are not known, and not looked at.
            is_named: whether the user has named the file itself: its name is no reason then.
            may_be_hidden: whether the user has asked for hidden names.

        Raises:
            SFTPAsyncError: the reason would be a time, and the server sends none.

        """
        name = entry.name
        if not is_named:
            if is_hidden(name) and not may_be_hidden:
                return HIDDEN
            if siblings is not None and self._is_sidecar(name, siblings):
                return SIDECAR
        if reason := self.reason_of_name(name, is_named=is_named):
            return reason
        if self._needs_time and not entry.mtime:
            raise SFTPAsyncError(
                f"The server sends no time of last change, which {self._needs_time[0]} needs",
                host=self._address,
                path=path,
                hint=f"Leave {' and '.join(self._needs_time)} out; stable_for and "
                "done_file_template work without times",
            )
        if self._after is not None and entry.mtime <= self._after:
            return TOO_OLD
        if self._before is not None and entry.mtime >= self._before:
            return TOO_NEW
        if self._min_age and self._now - entry.mtime < self._min_age:
            return TOO_YOUNG
        template = self._done
        if template and siblings is not None and done_name(template, name) not in siblings:
            return NOT_DONE
        # Where a file is compared with what is stated of it, an empty one is an incomplete one. So
        # is a message: one without content has some bytes.
        if entry.size or self._verifies or (self._decrypts and pgp_extension(name)):
            return None
        return EMPTY

    def reason_of_name(self, name: str, *, is_named: bool = False) -> str | None:
        """Return why a file is left out for its name alone; None: it is not."""
        for suffix in () if is_named else self._suffixes:
            if name.endswith(suffix):
                return f"its name ends in {suffix}, as that of an upload (ignore_suffixes)"
        # Of an archive, the pattern selects members.
        if self._pattern is not None and not (
            self._pattern.matches(name) or (self._reads_members and is_archive(name))
        ):
            return NOT_MATCHING
        return None

    def _is_sidecar(self, name: str, siblings: Collection[str]) -> bool:
        if any(
            name.endswith(f".{algorithm}")
            # Where files are archived or deleted, those next to them may stay.
            and (self._cleans or name.removesuffix(f".{algorithm}") in siblings)
            for algorithm in ALGORITHMS
        ):
            return True
        if self._done is None:
            return False
        if self._siblings is not siblings:
            self._siblings = siblings
            self._done_names = {done_name(self._done, each) for each in siblings}
        return name in self._done_names


def check_options(options: SFTPOptions) -> None:
    """Raise `OptionsError` for options of a selection that no server is needed to refuse."""
    if options.done_file_template is not None and "/" in options.done_file_template:
        raise OptionsError("done_file_template must be a name without /, next to the file.")
