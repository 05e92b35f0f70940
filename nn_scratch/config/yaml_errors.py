"""PyYAML's errors, reworded with what to write instead."""

from __future__ import annotations

import yaml

from nn_scratch.config.value_schema import missing_space

__all__ = ["reworded"]

# The start of PyYAML's message, and the message that replaces it: the reason and the remedy.
SPECIAL = "put text with special characters in quotes"
REWORDED = (
    ("could not find expected ':'", "a key without ':' and a value; write key: value"),
    ("sequence entries are not allowed here", "a '- ' cannot stand here; put list entries on lines of their own"),
    ("mapping keys are not allowed here", f"a '? ' cannot stand here; {SPECIAL}"),
    ("expected the node content", f"a value is missing; write one, or {SPECIAL}"),
    ("expected escape sequence", "an incomplete escape; use single quotes, in which \\ is an ordinary character"),
    ("found unknown escape character", "an unknown escape; use single quotes, in which \\ is an ordinary character"),
    ("expected '<document start>'", "text after the end of the values; indent it or take it out"),
    ("found incompatible YAML document", "directives (%) are not supported; take the line out"),
    ("found duplicate YAML directive", "directives (%) are not supported; take the line out"),
    ("duplicate tag handle", "directives (%) are not supported; take the line out"),
    ("found undefined tag handle", "tags (!) are not supported; put text that begins with ! in quotes"),
)
CONTEXTS = {
    "alias": "aliases (*) are not supported; put text that begins with * in quotes",
    "anchor": "anchors (&) are not supported; put text that begins with & in quotes",
    "tag": "tags (!) are not supported; put text that begins with ! in quotes",
    "directive": "directives (%) are not supported; take the line out",
    "block scalar": "a wrong header after | or >; put the text in quotes",
}
OPENED = {
    "while scanning a quoted scalar": "the quote opened here is not closed; close it",
    "while parsing a flow sequence": "the list opened here is not closed or lacks a comma; write [a, b]",
    "while parsing a flow mapping": "the mapping opened here is not closed or lacks a comma; write {a: 1, b: 2}",
}


def reworded(error: yaml.MarkedYAMLError, mark: yaml.Mark, text: str) -> tuple[str, yaml.Mark]:
    """The error at `mark` in the text, with what to write instead, and where it began."""
    problem, context = error.problem or "", error.context or ""
    if problem.startswith(("could not find expected ':'", "mapping values are not allowed")):
        for place in filter(None, (error.context_mark, _line_above(mark, text))):
            if hint := missing_space(text[place.index :].split("\n", 1)[0]):
                return f"not valid YAML: {hint}", place
    if context in OPENED and error.context_mark is not None:
        return f"not valid YAML: {OPENED[context]}", error.context_mark
    reason = next((ours for ending, ours in CONTEXTS.items() if context.endswith(ending)), "")
    return f"not valid YAML: {reason or _in_place(problem, mark, text)}", mark


def _line_above(mark: yaml.Mark, text: str) -> yaml.Mark | None:
    """Where the text of the line before that of the mark begins."""
    *before, _ = text[: mark.index].split("\n")
    if not before:
        return None
    column = len(before[-1]) - len(before[-1].lstrip(" -"))
    index = sum(len(line) + 1 for line in before[:-1]) + column
    return yaml.Mark(mark.name, index, mark.line - 1, column, None, 0)


def _in_place(problem: str, mark: yaml.Mark, text: str) -> str:
    before, here = text[mark.index - mark.column : mark.index], text[mark.index : mark.index + 1]
    if here == "\t":
        return "a tab where spaces must be; indent with spaces"
    if problem.startswith("expected the node content") and not here.strip("\0"):
        return "the end comes before a list or mapping is closed; close it with ] or }"
    if problem.startswith("found character"):
        return f"a value cannot begin with {here!r}; put it in quotes"
    if here == ":" and not before.strip(" -"):
        return "a key is missing before ':'; write key: value"
    if problem.startswith("mapping values are not allowed"):
        second = f"a second ': ' on the line; {SPECIAL}"
        return second if ": " in before else "indented too far; indent keys of one mapping alike"
    if problem.startswith("expected <block end>"):
        more = f"more text after the value; {SPECIAL}"
        return more if before.strip() else "not in line with the keys above; indent them alike"
    reason = next((ours for theirs, ours in REWORDED if problem.startswith(theirs)), "")
    return reason or f"{problem}; compare the line with those around it"
