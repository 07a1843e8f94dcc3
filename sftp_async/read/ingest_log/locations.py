"""Opens the store of a `state_location`: a path, or a URI of pyarrow or fsspec."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.stores import ArrowStore, FsspecStore, LocalStore, StateStore

URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
#: Hadoop's names of S3: they mean the same to this package.
S3_NAMES = ("s3a", "s3n")
#: Where Databricks mounts `dbfs:/`.
DBFS = Path("/dbfs")
#: Protocols of fsspec whose `pipe_file` is one atomic upload: object stores, and its memory.
ATOMIC_UPLOADS = frozenset(
    ("s3", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "tos", "memory")
)
#: Schemes that pyarrow has file systems for, if it is built with them.
ARROW_SCHEMES = frozenset(("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs"))
#: pyarrow's names of those where a file is not visible before its upload ends.
ARROW_UPLOADS = frozenset(("s3", "gcs", "abfs"))
OTHERS = "Use a path, or a URI of s3, gs, abfs or hdfs"


def open_store(location: str) -> StateStore:
    """Return the store of a path on this machine, or of a URI that pyarrow or fsspec knows.

    Raises:
        StateError: no library that is installed knows the URI, or it cannot be opened.

    """
    scheme = URI.match(location)
    if scheme is None:
        return LocalStore(Path(location))
    name = scheme[1].lower()
    path = Path("/" + unquote(urlsplit(location).path).lstrip("/"))
    if name == "file":
        return LocalStore(path)
    if name == "dbfs" and DBFS.is_dir():
        return LocalStore(DBFS / path.relative_to("/"))
    name = "s3" if name in S3_NAMES else name
    uri = name + location[scheme.end(1) :]
    return (name in ARROW_SCHEMES and _arrow_store(uri)) or _fsspec_store(uri)


def _arrow_store(uri: str) -> StateStore | None:
    """Return None if this pyarrow is built without the file system."""
    from pyarrow import ArrowInvalid
    from pyarrow.fs import FileSystem

    try:
        filesystem, root = FileSystem.from_uri(uri)
    except (NotImplementedError, ImportError):
        return None
    except (ArrowInvalid, OSError) as error:
        is_hdfs = uri.startswith(("hdfs:", "viewfs:"))
        raise StateError(
            f"The state_location {without_secrets(uri)} cannot be opened: {_text(error, uri)}",
            hint="pyarrow needs Java and Hadoop's client for HDFS: set JAVA_HOME, HADOOP_HOME and "
            "CLASSPATH (`hadoop classpath --glob`) where the driver runs"
            if is_hdfs
            else "Check the address, and the credentials that the driver has for it",
        ) from error
    renames = filesystem.type_name not in ARROW_UPLOADS
    return ArrowStore(filesystem, root, without_secrets(uri), renames=renames)


def _fsspec_store(uri: str) -> StateStore:
    location = without_secrets(uri)
    protocol = uri.partition(":")[0]
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise StateError(
            f"pyarrow has no file system for the state_location {location}",
            hint=f"Install fsspec and its package for {protocol}. {OTHERS}",
        ) from error
    try:
        # What is listed must be what is there now.
        filesystem, root = url_to_fs(uri, use_listings_cache=False, skip_instance_cache=True)
    except Exception as error:
        raise StateError(
            f"The state_location {location} cannot be opened: {_text(error, uri)}",
            hint=f"Install fsspec's package for {protocol}. {OTHERS}"
            if isinstance(error, ImportError | ValueError)
            else "Check the address, and the credentials that the driver has for it",
        ) from error
    renames = protocol not in ATOMIC_UPLOADS
    if renames and type(filesystem).mv is fsspec.AbstractFileSystem.mv:
        raise StateError(
            f"The state_location {location} cannot be used: fsspec's {protocol} cannot rename "
            "a file, and its uploads are not known to be atomic",
            hint=OTHERS,
        )
    return FsspecStore(filesystem, root, location, renames=renames)


# Messages


def without_secrets(uri: str) -> str:
    """Return a URI without its password and its query, which may hold keys."""
    text = uri.partition("?")[0]
    before, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if ":" in user:  # `container@account` of Azure is no secret
        user = at = ""
    return f"{before}{separator}{user}{at}{host}{slash}{path}"


def _text(error: BaseException, uri: str) -> str:
    """Return the first line of an error's text, without the URI, which it may repeat."""
    lines = str(error).replace(uri, without_secrets(uri)).strip().splitlines()
    return lines[0].removesuffix(".") if lines else type(error).__name__
