"""Defines the base model of all options: any spelling, all mistakes at once, no secret shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import from_json

from sftp_async.errors import OptionsError
from sftp_async.options.aliases import Gathered, Given, is_blank, normalise
from sftp_async.options.field_types import FieldType
from sftp_async.options.masking import without_passwords

Model = TypeVar("Model", bound="OptionsModel")


class OptionsModel(BaseModel):
    """Base of the option models: immutable, compared by value, built from any spelling of names.

    Raises:
        OptionsError: from every constructor; lists all mistakes.

    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    def __init__(self, /, **options: Any) -> None:
        gathered = Gathered(options, type(self).model_fields)
        problems = gathered.problems
        values: dict[str, Given] = {}
        for name, every in gathered.given.items():
            given = [one for one in every if not self._absent(name, one.value)]
            if given:
                values[name] = given[0]
                problems += self._disagreements(name, given)
        failures = _fill(self, {name: given.value for name, given in values.items()})
        problems += [self._sentence(name, reason, values) for name, reason in failures.items()]
        if failures:
            # A model of the valid values, so that the rules between options are checked as well.
            right = {name: given.value for name, given in values.items() if name not in failures}
            _fill(self, self._stand_ins() | right)
        problems += [
            sentence
            for names, sentence in self._contradictions()
            if failures.keys().isdisjoint(names)
        ]
        if problems:
            raise OptionsError(problems)

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Return `obj` itself, or build the model from a mapping of options."""
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise OptionsError(
                f"Options must be a mapping of names to values, not a {type(obj).__name__}."
            )
        return cls(**{str(name): value for name, value in obj.items()})

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """Build the model from a JSON object."""
        try:
            options = from_json(json_data)
        except ValueError:
            options = None
        if not isinstance(options, dict):
            raise OptionsError("Options must be a JSON object of names and values.")
        return cls(**options)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some options changed, by canonical name; all of it is validated."""
        return type(self)(**(self._as_given() | dict(update or {})))

    def __setattr__(self, name: str, value: Any) -> None:
        # pydantic would refuse as well, but its message would contain the value.
        raise OptionsError(
            f"Options are immutable: set {name} in a copy, with model_copy(update=…)."
        )

    def _as_shown(self) -> dict[str, object]:
        """Return the options that were given, by canonical name, with secrets masked."""
        return {name: getattr(self, name) for name in self._as_given()}

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        yield from self._as_shown().items()

    def _as_given(self) -> dict[str, Any]:
        """Return the options that were given, as the constructor takes them.

        Values that equal a default are included: a format that was given takes precedence over the
        path's extension.
        """
        return {n: getattr(self, n) for n in type(self).model_fields if n in self.model_fields_set}

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield each violated rule between options: the options that it reads, and a sentence."""
        yield from ()

    def _absent(self, name: str, value: object) -> bool:
        return value is None or (
            is_blank(value) and not field_type_of(type(self), name).keeps_blank
        )

    def _disagreements(self, name: str, given: list[Given]) -> Iterator[str]:
        first, *others = given
        for other in others:
            same = _plain(first.value) == _plain(other.value)
            if not same and self._read(name, first) != self._read(name, other):
                spellings = f"{first.spelling} and by {other.spelling}"
                yield f"{name} is given twice with different values: by {spellings}."

    def _read(self, name: str, given: Given) -> object:
        """Return the value that the field parses from a given one, for comparison."""
        probe = type(self).__new__(type(self))
        failures = _fill(probe, self._stand_ins() | {name: given.value})
        return given.value if failures else getattr(probe, name)

    @classmethod
    def _stand_ins(cls) -> dict[str, object]:
        """Return valid values for the required options."""
        return {name: "unnamed" for name, field in cls.model_fields.items() if field.is_required()}

    def _sentence(self, name: str, reason: str, values: Mapping[str, Given]) -> str:
        if name not in values:
            example = (type(self).model_fields[name].examples or [""])[0]
            return f"{name} {reason}, for example {name}={example}."
        given = values[name]
        alias = "" if normalise(given.spelling) == normalise(name) else f" (from {given.spelling})"
        return f"{name}{alias} {reason}{self._shown(name, given, values)}."

    def _shown(self, name: str, given: Given, values: Mapping[str, Given]) -> str:
        text = str(given.value)
        secrets = {
            str(_plain(each.value))
            for other, each in values.items()
            if field_type_of(type(self), other).secret
        }
        hidden = field_type_of(type(self), name).secret or isinstance(given.value, SecretStr)
        if hidden or not given.showable or is_blank(text):
            return ""
        # A secret may be in the wrong option, or in user:password@host.
        if text in secrets or "\n" in text or "@" in text or without_passwords(text) != text:
            return ""
        return f", not {text if len(text) <= 40 else text[:37] + '…'!r}"


def with_inferred(options: Model, values: Mapping[str, Any]) -> Model:
    """Return a copy of options with some that something else implies; see `contradictions`.

    Args:
        options: what was given.
        values: valid ones, by canonical name. The rules between options are not checked.

    """
    return BaseModel.model_copy(options, update=dict(values))


def contradictions(options: OptionsModel) -> list[str]:
    """Return a sentence for each broken rule between options; none if they were given so."""
    return [sentence for _, sentence in options._contradictions()]  # noqa: SLF001 - no user's name


def field_type_of(model: type[BaseModel], name: str) -> FieldType:
    """Return the type of a field."""
    return next(item for item in model.model_fields[name].metadata if isinstance(item, FieldType))


def _fill(model: OptionsModel, values: Mapping[str, object]) -> dict[str, str]:
    """Set the model's fields; return a reason for each invalid one."""
    try:
        model.__pydantic_validator__.validate_python(values, self_instance=model)
    except ValidationError as error:
        # `input` holds the value, which may be a secret, so it is never taken from pydantic.
        found = error.errors(include_url=False, include_input=False)
    else:
        return {}
    reasons = {}
    for each in found:
        cause = each.get("ctx", {}).get("error")
        default = "is missing" if each["type"] == "missing" else "must be text"
        reasons[str(each["loc"][0])] = str(cause) if cause else default
    return reasons


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
