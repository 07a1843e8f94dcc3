"""Describes the options as a JSON Schema, for configurations in JSON, YAML and TOML."""

from __future__ import annotations

from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from sftp_async.options.aliases import ALIASES, CONVERTED
from sftp_async.options.base import OptionsModel, field_type_of
from sftp_async.options.catalog import choices_of, fields_in_order, without_links

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_INTEGER: Final = r"^\s*[+-]?[0-9]+\s*$"
_SIZE: Final = r"^\s*[0-9]+\s*([kKmMgGtTpP]([iI]?[bB])?|[bB])?\s*$"
_DURATION: Final = (
    r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    r"\s*([uUmM]?[sS]|[sS][eE][cC]|[mM]([iI][nN])?|[hH]|[dD])?\s*$"
)
_SWITCH: Final = r"^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\s*$"
_LIST: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}


def options_schema() -> dict[str, Any]:
    """Return the schema of an object whose names are options or their other names.

    Names are as the documentation writes them; the options themselves take any spelling. What is
    required is not in it: a URL names the host, and an environment may complete the options.
    """
    properties: dict[str, Any] = {}
    for model, name, field in fields_in_order():
        schema = _schema_of(model, name, field)
        properties[name] = _described(schema, name, field)
        for alias in ALIASES.get(name, ()):
            properties[alias] = {**schema, "description": f"Another name of {name}."}
    for name, converted in CONVERTED.items():
        secret = any(properties[option].get("writeOnly") for option in converted.options)
        given = {"type": "string"} if secret else _values({"type": "boolean"}, _SWITCH)
        properties[name] = {
            **given,
            **({"writeOnly": True} if secret else {}),
            "description": f"Another way to set {' or '.join(converted.options)}.",
        }
    return {
        "$schema": DIALECT,
        "title": "Options of format('sftp')",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _described(schema: dict[str, Any], name: str, field: FieldInfo) -> dict[str, Any]:
    described = {**schema, "description": without_links(field.description or "")}
    if field.examples:
        described["examples"] = [str(example) for example in field.examples]
    if field.default is not None and not field.is_required():
        default = field.default
        described["default"] = list(default) if isinstance(default, tuple) else default
    return described


def _schema_of(model: type[OptionsModel], name: str, field: FieldInfo) -> dict[str, Any]:
    kind = field_type_of(model, name)
    kinds = {field.annotation, *get_args(field.annotation)}
    if name in ("format", "modified_time"):  # a plug-in's name; a time has several notations
        return {"type": ["integer", "string"] if int in kinds else "string"}
    if bool in kinds:
        return _values({"type": "boolean"}, _SWITCH)
    if choices := choices_of(model, name):
        listed = {"enum": [*choices, *([False] if "false" in choices else [])]}
        numbers = [{"type": "integer"}] if int in kinds else []
        pattern = "|".join([*map(_in_any_case, choices), *([_INTEGER] if numbers else [])])
        return _values(listed, pattern, *numbers)
    if float in kinds:
        return _values({"type": "number"}, _DURATION)
    if int in kinds:
        return _values({"type": "integer"}, _SIZE if kind.words == "bytes" else _INTEGER)
    if tuple in {getattr(each, "__origin__", None) for each in kinds}:
        return {"anyOf": [{"type": "string"}, _LIST]}
    if SecretStr in kinds:
        return {"type": "string", "writeOnly": True}
    return {"type": "string"}


def _in_any_case(word: str) -> str:
    """Return a pattern for a word; JSON Schema has no flag for case."""
    letters = [f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in word]
    return rf"^\s*{''.join(letters)}\s*$"


def _values(plain: dict[str, Any], pattern: str, *others: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may be given as text, since Spark's options are text."""
    return {"anyOf": [plain, {"type": "string", "pattern": pattern}, *others]}
