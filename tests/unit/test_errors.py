"""Errors: they pickle, speak to people, and know whether a retry makes sense."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from sftp_async import errors
from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    HostKeyError,
    OptionsError,
    RemoteSpaceError,
    ServerBusyError,
    SFTPAsyncError,
    TransferError,
    raise_again,
)

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SFTPAsyncError)
]


def a(kind: type[SFTPAsyncError]) -> SFTPAsyncError:
    if issubclass(kind, OptionsError):
        return kind(["port must be a number", "host is missing"])
    return kind("It broke", host="me@there:22", path="/out/a.csv", hint="Mend it", retryable=True)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_pickling_with_its_words_and_facts(
    kind: type[SFTPAsyncError], protocol: int
) -> None:
    error = a(kind)
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.args == error.args
    assert copy.__dict__ == error.__dict__


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_can_be_copied(kind: type[SFTPAsyncError]) -> None:
    error = a(kind)
    assert str(copy.copy(error)) == str(copy.deepcopy(error)) == str(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_class_says_what_it_means(kind: type[SFTPAsyncError]) -> None:
    assert kind.__doc__


def test_an_error_names_what_happened_where_and_what_to_do() -> None:
    error = TransferError("It broke.", host="me@there:22", path="/out", hint="Mend it")
    assert str(error) == "It broke. (host me@there:22, path /out). Mend it"
    assert str(TransferError("It broke.", hint="Mend it")) == "It broke. Mend it"
    assert str(TransferError("It broke.")) == "It broke."


def test_a_host_key_error_keeps_the_fingerprint_when_pickled() -> None:
    error = HostKeyError.showing("Unknown", fingerprint="SHA256:abc", host="h", hint="Ask")
    assert pickle.loads(pickle.dumps(error)).fingerprint == "SHA256:abc"


def test_a_space_error_keeps_the_free_bytes_when_pickled() -> None:
    error = RemoteSpaceError("Full")
    error.free_bytes = 17
    assert pickle.loads(pickle.dumps(error)).free_bytes == 17


def test_several_wrong_options_are_listed_in_one_error() -> None:
    assert str(OptionsError("host is missing")) == "Invalid option: host is missing"
    assert str(a(OptionsError)).splitlines() == [
        "2 invalid options:",
        "  - port must be a number",
        "  - host is missing",
    ]


def test_options_errors_are_value_errors() -> None:
    with pytest.raises(ValueError, match="host is missing"):
        raise OptionsError("host is missing")


def test_what_may_pass_is_retryable_and_what_locks_accounts_is_not() -> None:
    assert ConnectError("x").retryable
    assert ServerBusyError("x").retryable
    assert ConnectionLostError("x").retryable
    assert not AuthenticationError("x").retryable
    assert not HostKeyError("x").retryable
    assert not TransferError("x").retryable
    assert not RemoteSpaceError("x").retryable


def test_one_error_may_know_better_than_its_class_whether_to_retry() -> None:
    assert not ConnectError("x", retryable=False).retryable
    assert ConnectError("x").retryable


def test_an_error_that_is_raised_again_is_a_copy_caused_by_the_first() -> None:
    first = RemoteSpaceError("Full", host="h", path="/a", hint="Free some space")
    first.free_bytes = 17
    with pytest.raises(RemoteSpaceError) as caught:
        raise_again(first)
    assert caught.value is not first
    assert caught.value.__cause__ is first
    assert (str(caught.value), caught.value.free_bytes) == (str(first), 17)


def test_an_error_of_another_package_is_raised_again_as_it_is() -> None:
    first = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    with pytest.raises(UnicodeDecodeError) as caught:
        raise_again(first)
    assert caught.value is first
    assert first.__cause__ is None
