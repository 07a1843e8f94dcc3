"""Replaces the option `profile` by the options of that profile, under the policy for references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sftp_async.errors import OptionsError
from sftp_async.options.aliases import is_blank, normalise
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.profiles import NAME, NAME_FORM, Profiles, meant_by, merged, mistakes_in
from sftp_async.options.reference_policy import ReferencePolicy
from sftp_async.options.resolve import with_secrets

if TYPE_CHECKING:
    from sftp_async.options.base import OptionsModel

#: The options of a connection that decide neither where a secret goes nor who can read it.
_HARMLESS: Final = frozenset(
    {
        "connect_timeout",
        "login_timeout",
        "operation_timeout",
        "stall_timeout",
        "keepalive_interval",
        "idle_timeout",
        "max_connections",
        "max_retries",
        "retry_delay",
    }
)


def with_profile(options: Mapping[str, object], model: type[OptionsModel]) -> dict[str, Any]:
    """Return options without `profile`, and with those of the profile where no other is given.

    Where the administrator of the driver restricts references, the profile is the administrator's:
    its own references are looked up here, whatever the policy says of them, and no option can send
    its secrets elsewhere.

    Args:
        options: as given, by names in any spelling.
        model: the options that there are.

    Raises:
        OptionsError: the profile cannot be used; lists all mistakes in it and in the options.

    """
    named = {key for key in options if normalise(key) == "profile"}
    rest = {key: value for key, value in options.items() if key not in named}
    names = list(dict.fromkeys(str(options[key]) for key in named if not is_blank(options[key])))
    if not names:
        return rest
    try:
        if len(names) > 1:
            raise OptionsError("profile is given twice with different values.")
        if not NAME.fullmatch(names[0]):
            raise OptionsError(f"profile must be the name of a connection: {NAME_FORM}.")
        return merged(rest, _values_of(names[0], rest, model), model)
    except OptionsError as error:
        raise OptionsError([*error.problems, *mistakes_in(rest, model)]) from None


def _values_of(name: str, given: Mapping[str, object], model: type[OptionsModel]) -> dict[str, Any]:
    policy = ReferencePolicy.of_environment()
    if not policy.allows_profile(name):
        raise OptionsError(f"profile names the connection {name[:64]!r}, {policy.refusal}.")
    profiles = Profiles.load(model)
    values = profiles.values_of(name, model)
    if policy.everything:
        return values
    fixed = ConnectionOptions.model_fields.keys() - _HARMLESS
    if changed := sorted(meant_by(given, model) & fixed):
        raise OptionsError(
            f"{', '.join(changed)} cannot be given together with profile={name}: the administrator "
            "of the driver decides where this connection goes. Leave out one of the two."
        )
    try:
        resolved = with_secrets(
            ConnectionOptions(**{each: value for each, value in values.items() if each in fixed}),
            ReferencePolicy(everything=True),
        )
    except OptionsError as error:
        raise OptionsError([f"{profiles.file}, [{name}]: {p}" for p in error.problems]) from None
    found = {each: getattr(resolved, each) for each in resolved.model_fields_set & fixed}
    return {each: value for each, value in values.items() if each not in fixed} | found
