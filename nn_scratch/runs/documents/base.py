"""Shared parts of the documents' models: a base class, the types of their values, and the wording of an error.

A folder may come from anywhere and from any version: keys that a model does not name are allowed, values are never
converted, and nothing outside JSON (NaN, infinity, a number of a thousand digits) passes.
"""

from __future__ import annotations

from sys import float_info
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, InstanceOf, ValidationError
from pydantic_core import PydanticCustomError

MOST_COUNT = 1 << 53  # whole numbers that a double holds exactly
LONGEST_PLACE = 100  # characters of the path to a value in an error

T = TypeVar("T")


def check_text_or_number(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= float_info.max
    if not number and not isinstance(value, str):
        raise PydanticCustomError("text_or_number", "text or a number")
    return value


Text = InstanceOf[str]  # pydantic's own str refuses lone surrogates, which paths that are not UTF-8 are read as
Number = float
OptionalNumber = float | None  # null stands for NaN and infinity
Count = Annotated[int, Field(ge=0, lt=MOST_COUNT)]
Positive = Annotated[int, Field(gt=0, lt=MOST_COUNT)]
TextOrNumber = Annotated[Any, AfterValidator(check_text_or_number)]
Mapping = dict[Any, T]  # JSON's keys are text
Figures = Mapping[OptionalNumber]  # numbers by name
Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")

WORDS = {
    "is_instance_of": "text",
    "string_unicode": "text in UTF-8",
    "invalid_key": "a key in UTF-8",
    "bool_type": "true or false",
    "float_type": "a number",
    "finite_number": "a number",
    "int_type": "a whole number",
    "greater_than_equal": "a whole number",
    "less_than": "a whole number",
    "greater_than": "a whole number above 0",
    "text_or_number": "text or a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


class Document(BaseModel):
    """A mapping of a document. Each key states its type and, in words, what it holds; other keys are allowed."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, defer_build=True)


def contradiction(reason: str) -> NoReturn:
    """For validators of a whole document: its values have the right types, but two of them cannot both be right."""
    raise PydanticCustomError("contradiction", "{reason}", {"reason": reason})


def misfit(document: type[Document], value: Any) -> str | None:
    """The first thing about `value` that is not as the model of the document says, in words; None where it fits."""
    try:
        document.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    else:
        return None
    kind, context = first["type"], first.get("ctx", {})
    where = place(first["loc"])
    if kind == "contradiction":
        return f"{where}: {context['reason']}" if where else str(context["reason"])
    if kind == "missing":
        return f"{where} is missing"
    if kind == "literal_error":
        return f"{where} is none of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
    return f"{where or 'it'} is not {WORDS.get(kind, 'as it should be')}"


def place(path: tuple[str | int, ...]) -> str:
    """("start", "layers", 1) -> "start.layers[1]"."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts)[: LONGEST_PLACE + 1].lstrip(".")
