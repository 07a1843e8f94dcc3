"""Defines the options of archives: around files that are written, and in those that are read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import FieldType, FileName

#: The kinds of archives that are written, by the value of the option `archive`.
ARCHIVES: Final = ("zip", "tar", "tar.gz")

#: Extension of a file name, in lower case -> the archive that it asks for. The longest one counts.
ARCHIVE_OF_EXTENSION: Final = {"zip": "zip", "tar.gz": "tar.gz", "tgz": "tar.gz", "tar": "tar"}


class ArchiveOptions(OptionsModel):
    """Which archive is around the files, how its members are named, and its password."""

    archive: Annotated[
        Literal["auto", "none", "zip", "tar", "tar.gz"],
        BeforeValidator(p.one_of(("auto", "none", *ARCHIVES), also={"tgz": "tar.gz"})),
        FieldType(),
    ] = Field(
        "auto",
        description="Archive around the data. A write puts each part file into an archive of its "
        "own, or all rows into one for an exact file; with `auto` the extension of a requested "
        "name decides (`daily.zip`, `orders.csv.zip`, `daily.tar.gz`). A read takes the members of "
        "`.zip`, `.tar`, `.tar.gz`, `.tgz` and similar files as files of their own, except in "
        "format binary; a kind is for archives whose extension does not name it. `none` knows no "
        "archives.",
        examples=["zip"],
    )
    archive_member_template: FileName = Field(
        None,
        description="Template for the names of the members in archives that are written. `{stem}` "
        "is the archive's name without extensions; `{now}`, `{job}`, `{batch}` and the columns of "
        "`partition_by` are as in `file_name_template`. With `{partition}` or `{seq}` (the number "
        "of a member in its archive, from 1) an exact file has a member for each partition. If not "
        "set, it is `{stem}` and the extension of the format, and has the number of the partition "
        "where the members cannot be one: in formats such as Parquet, and with "
        "`archive_password`.",
        examples=["orders_{partition:03d}.csv"],
    )
    archive_password: Annotated[
        SecretStr | None,
        AfterValidator(p.refuse_blank),
        FieldType("secret", secret=True, keeps_blank=True),
    ] = Field(
        None,
        description="Password of zip archives. A write encrypts the members by AES with 256 bits "
        "(WinZip AE-2); their names stay readable. A read decrypts members of AES.",
        examples=["env:ZIP_PASSWORD"],
    )
