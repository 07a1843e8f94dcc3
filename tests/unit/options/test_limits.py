"""Limits of a job where no listener of the driver hands out permits."""

from __future__ import annotations

import pytest

from sftp_async.errors import OptionsError
from sftp_async.options import SFTPOptions
from sftp_async.options.limits import divided

pytestmark = pytest.mark.one_python


def options(**limits: object) -> SFTPOptions:
    given: dict[str, object] = {"host": "h", "username": "u", "password": "p", **limits}
    return SFTPOptions(**given)  # type: ignore[arg-type]


def test_each_task_gets_an_equal_share() -> None:
    share = divided(options(max_total_connections=10, max_bandwidth="8MiB"), 4)
    assert (share.max_total_connections, share.max_bandwidth) == (2, 2 * 1024**2)


def test_a_limit_of_connections_that_the_tasks_exceed_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"8 tasks can run at once.*register\(spark\)"):
        divided(options(max_total_connections=5), 8)


@pytest.mark.parametrize("limits", [{"max_total_connections": 5}, {"max_bandwidth": "1m"}])
def test_a_limit_is_refused_if_the_number_of_tasks_is_not_known(limits: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match="not known how many tasks can run at once"):
        divided(options(**limits), None)


@pytest.mark.parametrize("name", ["max_bandwidth", "max_bandwidth_per_connection"])
def test_a_bandwidth_without_its_unit_is_refused(name: str) -> None:
    assert getattr(options(**{name: "1KiB"}), name) == 1024
    with pytest.raises(OptionsError, match=f"{name} must be at least 1024, not '10'"):
        options(**{name: "10"})


def test_limits_of_a_connection_need_no_share() -> None:
    given = options(max_bandwidth_per_connection="1MiB", connection_ramp_up="5s")
    assert divided(given, None) is given
