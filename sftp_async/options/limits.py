"""Defines the limits of a whole job: connections, bandwidth, compression, a slow start."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field

from sftp_async.errors import OptionsError
from sftp_async.options.base import OptionsModel, with_inferred
from sftp_async.options.field_types import Bandwidth, OptionalCount, Pause, Switch


class LimitOptions(OptionsModel):
    """What a job may take of a server, over all its tasks; see docs/how-to/limits.md."""

    max_total_connections: OptionalCount = Field(
        None,
        description="Most connections that all jobs of this driver have open to this account at "
        "once, over all executors and the driver itself. Each connection needs a permit of the "
        "driver, and a task without one waits ([limits](how-to/limits.md)).",
        examples=["5"],
    )
    max_connection_wait: Pause = Field(
        0.0,
        description="How long a task waits for a permit of `max_total_connections` before it "
        "fails; 0 for no limit. The wait is logged.",
        examples=["30min"],
    )
    connection_ramp_up: Pause = Field(
        0.0,
        description="Time over which the tasks of a job open their first connections, each at a "
        "random moment; 0 opens them at once. For servers that refuse many logins at the same "
        "time.",
        examples=["10s"],
    )
    max_bandwidth: Bandwidth = Field(
        None,
        description="Most bytes of file data a second that all jobs of this driver send to this "
        "account and read from it. The driver divides them equally among the connections in use.",
        examples=["10MiB"],
    )
    max_bandwidth_per_connection: Bandwidth = Field(
        None,
        description="Most bytes of file data a second on one connection.",
        examples=["2MiB"],
    )
    compression_on_the_wire: Switch = Field(
        False,
        description="Compress what SSH transfers, if the server offers `zlib@openssh.com`: for "
        "text without `compression` on a slow network. It costs CPU time and the fast path of "
        "transfers.",
        examples=["true"],
    )


Limits = TypeVar("Limits", bound=LimitOptions)


def needs_permits(options: LimitOptions) -> bool:
    """Return whether a connection needs a permit of the driver."""
    return options.max_total_connections is not None or options.max_bandwidth is not None


def divided(options: Limits, tasks: int | None) -> Limits:
    """Return the options with limits that hold without a driver that hands out permits.

    Each task gets an equal share of the connections and of the bandwidth.

    Args:
        options: as the user gave them.
        tasks: most tasks that can run at once; None: not known.

    Raises:
        OptionsError: the limits cannot be held.

    """
    if not needs_permits(options):
        return options
    if tasks is None:
        raise OptionsError(f"{_names(options)} cannot be held: {_UNKNOWN} {_REMEDY}")
    shares: dict[str, object] = {}
    connections, bandwidth = options.max_total_connections, options.max_bandwidth
    if connections is not None:
        if tasks > connections:
            raise OptionsError(
                f"max_total_connections={connections} cannot be held: no listener of the driver "
                f"hands out permits, and {tasks} tasks can run at once, each with a connection. "
                f"{_REMEDY}"
            )
        shares["max_total_connections"] = connections // tasks
    if bandwidth is not None:
        shares["max_bandwidth"] = max(1, bandwidth // tasks)
    return with_inferred(options, shares)


def _names(options: LimitOptions) -> str:
    names = ("max_total_connections", "max_bandwidth")
    return " and ".join(name for name in names if getattr(options, name) is not None)


_UNKNOWN = (
    "no listener of the driver hands out permits, and it is not known how many tasks can run at "
    "once."
)
_REMEDY = (
    "Call sftp_async.register(spark) in the process that starts the job. Where it cannot listen "
    "(Spark Connect, serverless compute, a spark.driver.host that is no address of the driver's "
    "machine), leave the option out, set max_connections=1 and max_bandwidth_per_connection, and "
    "limit the tasks with df.coalesce(n)."
)
