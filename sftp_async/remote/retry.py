"""When to try again, and how long to wait before it."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: No wait grows beyond this, in seconds.
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter: a hundred tasks cut off at once do not return at once.

    Args:
        max_retries: tries after the first; 0 means one try only.
        first_delay: seconds before the first retry; each further one waits about twice as long.

    """

    max_retries: int
    first_delay: float

    def delay(self, failures: int) -> float | None:
        """Return the seconds to wait after this many failures in a row; None: give up."""
        if failures > self.max_retries:
            return None
        # 50 to 100 % of the full wait: spread out, yet never a hammering.
        full = min(self.first_delay * 2.0 ** (failures - 1), LONGEST_WAIT)
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - no secret is made of it
