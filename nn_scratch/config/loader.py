"""YAML text to plain values, each with its place in the text.

PyYAML turns the text into events; what the events mean is decided here, because its own `safe_load` reads YAML 1.1,
in which `1e-3` is a string, `no` is False and `010` is 8. The rules, those of YAML 1.2's core schema:

    null        null Null NULL ~ and nothing at all        true, false   true True TRUE false False FALSE
    integers    10 -3 010 (ten) 0o10 (eight) 0xff          numbers       1.5 .5 1e-3 .inf -.inf .nan
    text        everything else, and everything in quotes; a key is always text

and nothing that a config does not need: no duplicate keys, anchors, aliases, merge keys, tags or second documents, at
most 50 levels of nesting and 1 MB of UTF-8. Any bytes result in a Document or a UserError.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from nn_scratch.config.document import Document, KeyPath, Mark, Problem
from nn_scratch.config.value_schema import missing_space
from nn_scratch.config.yaml_errors import reworded
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.wording import did_you_mean, printable, shortened

__all__ = ["parse", "read_document", "read_yaml"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_DIGITS = 300  # a float holds 308; Python itself refuses to read more than 4,300

NULL = frozenset({"null", "Null", "NULL", "~", ""})
BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"(?P<ten>[-+]?[0-9]+)|0o(?P<eight>[0-7]+)|0x(?P<sixteen>[0-9a-fA-F]+)")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"(?P<sign>[-+]?)(\.inf|\.Inf|\.INF)|(\.nan|\.NaN|\.NAN)")
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as PyYAML counts lines


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file, unchecked otherwise (a run's param.yaml); raises UserError for all problems."""
    document = read_document(path)
    if document.problems:
        document.refuse()
    return document.value


def read_document(path: Path, name: str | None = None) -> Document:
    """Read a YAML file whose top level is a mapping; `name` is the path as the user typed it, for messages.

    Errors of the text are listed in the document's `problems`. Raises UserError when there is no such file or
    it is no UTF-8 text of at most 1 MB, EnvironmentFailure when it cannot be read.
    """
    name = str(path) if name is None else name
    data = _read_bytes(path, name)
    document = parse(_decode(data, name), name)
    if not isinstance(document.value, dict):
        if document.value is not None and not document.is_broken(()):
            what = "a list" if isinstance(document.value, list) else "a single value"
            hint = missing_space(document.value) if isinstance(document.value, str) else ""
            reason = f"the file holds {what}, not keys with values; {hint or 'write lines such as seed: 42'}"
            document.problems.append(Problem(document.mark(()), (), reason))
            document.broken.add(())
        document.value = {}  # an empty file: all defaults
    return document


def _read_bytes(path: Path, name: str) -> bytes:
    shown = printable(name)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{shown}: no such file{_neighbours(path)}") from None
    except IsADirectoryError:
        raise UserError(f"{shown}: is a folder; give a YAML file{_neighbours(path / 'param.yaml')}") from None
    except (NotADirectoryError, ValueError):
        raise UserError(f"{shown}: no such file") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{shortened(shown, 100)}: no such file (the name is too long)") from None
        raise EnvironmentFailure(f"{shown}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{shown}: larger than 1 MB; a config is a page of text: give the YAML file")
    return data


def _neighbours(path: Path) -> str:
    """`"; did you mean 'spiral.yaml'?"` from the YAML files beside a path that is not there."""
    try:
        names = [beside.name for beside in path.parent.iterdir() if beside.suffix in {".yaml", ".yml"}]
    except OSError:
        return ""
    return did_you_mean(path.name, names) if 0 < len(names) <= 20 else ""


def _decode(data: bytes, name: str) -> str:
    """Bytes to text: UTF-8, with or without a byte-order mark. Raises UserError with the place of the first invalid
    byte."""
    start = Mark(0, 1, 1, name)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2].count(b"\0") == 1:
        raise UserError(str(Problem(start, (), "the file is in UTF-16; save it as UTF-8")))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        reason = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise UserError(str(Problem(_place(before, name), (), reason))) from None


def _place(before: str, name: str) -> Mark:
    """The mark of what comes after the text `before`."""
    lines = LINE_BREAK.split(before)
    return Mark(0, len(lines), len(lines[-1]) + 1, name)


def parse(text: str, source: str, order: int = 0) -> Document:
    """Read YAML text into a Document; `source` and `order` are those of its marks.

    Never raises: errors are in its `problems`; where the text cannot be read to its end, the whole is broken.
    """
    return _Composer(text, source, order).document()


def forbidden_character(text: str) -> str | None:
    """The first character of a text that no config may hold: a control character, or half of a surrogate pair."""
    for character in text:
        if (character < " " and character not in "\t\n\r") or "\ud800" <= character <= "\udfff":
            return character
    return None


class _Events(Reader, Scanner, Parser):
    """PyYAML's reader, scanner and parser: text to events, of which _Composer builds the values."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def take(self) -> Any:
        return self.get_event()  # type: ignore[no-untyped-call]

    def next(self) -> Any:
        """The event that `take` will return."""
        return self.peek_event()  # type: ignore[no-untyped-call]


class _Stop(Exception):
    """The text cannot be read any further."""


class _Composer:
    def __init__(self, text: str, source: str, order: int) -> None:
        self.text, self.source, self.order = text, source, order
        self.result = Document(None)

    def document(self) -> Document:
        try:
            try:
                self.events = _Events(self.text)
                self._document()
            except yaml.reader.ReaderError as error:
                place = _place(self.text[: error.position], self.source)
                character = self.text[error.position]
                what = f"the character {character!r} cannot stand in YAML; take it out"
                self._stop(Mark(self.order, place.line, place.column, self.source), (), what)
            except yaml.MarkedYAMLError as error:
                reason, mark = reworded(error, error.problem_mark or self._here(), self.text)
                self._stop(self._mark(mark), (), reason)
            except (ValueError, OverflowError):  # chr() or int() inside PyYAML: "\UFFFFFFFF", %YAML 1.999...
                self._stop(self._mark(self._here()), (), "not valid YAML: a number that names no character or version")
        except _Stop:
            self.result.broken.add(())
        return self.result

    def _here(self) -> yaml.Mark:
        mark: yaml.Mark = self.events.get_mark()
        return mark

    def _document(self) -> None:
        self.events.take()  # the start of the stream
        if isinstance(self.events.next(), yaml.StreamEndEvent):
            self.result.values[()] = Mark(self.order, 1, 1, self.source)
            return
        self.events.take()  # the start of the document
        self.result.value = self._value((), 1)
        self.events.take()  # its end
        end = self.events.take()
        if not isinstance(end, yaml.StreamEndEvent):
            self._stop(self._mark(end.start_mark), (), "a second document begins here; a config is one, without '---'")

    def _value(self, path: KeyPath, depth: int) -> Any:
        event = self.events.take()
        mark = self.result.values[path] = self._mark(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            self._problem(mark, path, f"the alias *{_named(event.anchor)} is not supported; write the value itself")
            self.result.broken.add(path)
            return None
        if event.anchor is not None:
            self._problem(mark, path, f"the anchor &{_named(event.anchor)} is not supported; take it out")
        if event.tag is not None:
            self._problem(mark, path, f"the tag {_named(event.tag)} is not supported; take it out")
        if isinstance(event, yaml.ScalarEvent):
            plain = event.style is None
            value = self._scalar(event.value, mark, path) if plain else event.value
            if isinstance(value, str):
                self._check_text(value, mark, path)
            return value
        if depth > MAX_DEPTH:
            self._stop(mark, path[:3], f"nested more than {MAX_DEPTH} levels deep; no config needs that")
        return self._mapping(path, depth) if isinstance(event, yaml.MappingStartEvent) else self._list(path, depth)

    def _list(self, path: KeyPath, depth: int) -> list[Any]:
        values: list[Any] = []
        while not isinstance(self.events.next(), yaml.SequenceEndEvent):
            values.append(self._value((*path, len(values)), depth + 1))
        self.events.take()
        return values

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(self.events.next(), yaml.MappingEndEvent):
            key, mark = self._key(path, depth)
            if key is None:
                self._skip_value(path, depth)
            elif key in values:
                first = self.result.keys[*path, key]
                where = f"on line {first.line}" if first.line != mark.line else f"at column {first.column}"
                self._skip_value((*path, key), depth)
                self._problem(mark, (*path, key), f"written twice (first {where}); keep one of them")
            else:
                self.result.keys[*path, key] = mark
                values[key] = self._value((*path, key), depth + 1)
        self.events.take()
        return values

    def _key(self, path: KeyPath, depth: int) -> tuple[str | None, Mark]:
        """The next key and its mark; None, and a problem, where it is no text."""
        event = self.events.next()
        mark = self._mark(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            self._skip_value(path, depth)
            self._problem(mark, path, "a key must be a word; put text with special characters in quotes")
            return None, mark
        self.events.take()
        key = event.value
        if event.anchor is not None or event.tag is not None:
            what = f"the anchor &{_named(event.anchor)}" if event.anchor else f"the tag {_named(event.tag)}"
            self._problem(mark, (*path, key), f"{what} is not supported; take it out")
        if key == "<<" and event.style is None:
            self._problem(mark, path, "the merge key << is not supported; write the keys themselves")
            return None, mark
        if key == "":
            self._problem(mark, path, "a key is missing before ':'; write key: value")
            return None, mark
        return (key if self._check_text(key, mark, path) else None), mark

    def _skip_value(self, path: KeyPath, depth: int) -> None:
        """Read past a value whose key is refused; only errors that end the reading are kept."""
        kept, self.result = self.result, Document(None)
        try:
            self._value(path, depth + 1)
        except _Stop:
            kept.problems += self.result.problems[-1:]
            raise
        finally:
            self.result = kept

    def _scalar(self, text: str, mark: Mark, path: KeyPath) -> Any:
        """The value of plain text, by the rules of YAML 1.2's core schema."""
        if text in NULL:
            return None
        if text in BOOLEAN:
            return BOOLEAN[text]
        if not (text[0].isascii() and (text[0].isdigit() or text[0] in "+-.")):
            return text
        if match := INTEGER.fullmatch(text):
            if len(text) > MAX_DIGITS:
                return self._broken(mark, path, f"a number of {len(text)} digits; the most is {MAX_DIGITS}")
            base = {"ten": 10, "eight": 8, "sixteen": 16}[match.lastgroup or "ten"]
            return int(match[match.lastgroup or "ten"], base)
        if NUMBER.fullmatch(text):
            value = float(text)
            if value in (float("inf"), float("-inf")):
                return self._broken(mark, path, f"the number {shortened(text, 40)} is too large; the most is 1.8e308")
            return value
        if match := NOT_FINITE.fullmatch(text):
            return float(f"{match['sign']}inf") if match["sign"] is not None else float("nan")
        return text

    def _check_text(self, text: str, mark: Mark, path: KeyPath) -> bool:
        """Refuse control characters and surrogates, which escapes can give: no file, path or terminal takes them."""
        character = forbidden_character(text)
        if character is not None:
            self._broken(mark, path, f"the text holds the character {character!r}; take it out")
        return character is None

    def _broken(self, mark: Mark, path: KeyPath, reason: str) -> None:
        self._problem(mark, path, reason)
        self.result.broken.add(path)

    def _problem(self, mark: Mark, path: KeyPath, reason: str) -> None:
        self.result.problems.append(Problem(mark, path, reason))

    def _stop(self, mark: Mark, path: KeyPath, reason: str) -> NoReturn:
        self._problem(mark, path, reason)
        raise _Stop from None

    def _mark(self, mark: yaml.Mark) -> Mark:
        return Mark(self.order, mark.line + 1, mark.column + 1, self.source)


def _named(anchor_or_tag: str | None) -> str:
    return shortened((anchor_or_tag or "").replace("tag:yaml.org,2002:", "!!"))
