"""Problems of several checks come together in one error."""

from __future__ import annotations

import pytest

from sftp_async.errors import EncodeError, OptionsError, TransferError
from sftp_async.options.problems import Problems


def test_everything_that_was_found_is_in_one_error_and_each_sentence_once() -> None:
    problems = Problems()
    assert problems.add(["a.", "b."])
    assert not problems.add([])
    with problems.collect():
        raise OptionsError(["b.", "c."])
    with problems.collect():
        raise EncodeError("No column", hint="Cast it")
    with pytest.raises(OptionsError) as caught:
        problems.raise_all()
    assert caught.value.problems == ["a.", "b.", "c.", "No column. Cast it"]


def test_a_column_that_is_the_only_problem_keeps_its_error() -> None:
    problems = Problems()
    error = EncodeError("No column")
    with problems.collect():
        raise error
    with pytest.raises(EncodeError) as caught:
        problems.raise_all()
    assert caught.value is error


def test_several_columns_that_are_wrong_are_in_one_error_of_columns() -> None:
    problems = Problems()
    for name in ("a", "b", "b"):
        with problems.collect():
            raise EncodeError(f"Column {name!r} cannot be written", hint="Cast it")
    with pytest.raises(EncodeError) as caught:
        problems.raise_all()
    assert str(caught.value) == (
        "2 problems with the columns:\n"
        "  - Column 'a' cannot be written. Cast it\n"
        "  - Column 'b' cannot be written. Cast it"
    )


def test_other_errors_pass_through_and_nothing_found_raises_nothing() -> None:
    problems = Problems()
    with pytest.raises(TransferError), problems.collect():
        raise TransferError("no")
    problems.raise_all()
