"""Masks secrets in what a user wrote, before it is shown: passwords in URLs, and whole keys."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "*" * 10

# Up to the last `@`, since a password may contain `@`, `/` and `,`: rather too much than a part of
# it. A user name may contain `@` as well, and all of these may be percent-encoded.
_USER_AND_PASSWORD: Final = re.compile(
    r"((?:^|//|[\s,;=\"'(\[])[^\s/:,]*?(?::(?!//)|%3a)).+(@|%40)", re.DOTALL | re.IGNORECASE
)
_PARAMETER: Final = re.compile(
    r"([?&;][\w.-]*(?:pass|pwd|secret|token|sig)[\w.-]*=)[^&;\s]+", re.IGNORECASE
)
_PRIVATE_KEY: Final = re.compile(r"PRIVATE KEY|\A\s*PuTTY-User-Key-File")


def without_passwords(text: str) -> str:
    """Return a text with the password of each `user:password@host` and each URL masked.

    The text of a private key is masked as a whole.
    """
    if _PRIVATE_KEY.search(text):
        return MASK
    text = _USER_AND_PASSWORD.sub(rf"\g<1>{MASK}\g<2>", text)
    return _PARAMETER.sub(rf"\g<1>{MASK}", text)
