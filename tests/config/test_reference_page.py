"""docs/reference.md says of every name what the code says of it."""

from __future__ import annotations

import pytest

from nn_scratch.config import reference_page as reference
from nn_scratch.config.json_schema import REGISTRIES
from nn_scratch.config.reference_page import CHAPTERS, REFERENCE_PATH, Chapter, source_of

WITHOUT_SOURCE = {"activation", "constant", "identity", "normal", "uniform", "zeros"}  # nobody's in particular


def test_the_reference_is_current() -> None:
    written = REFERENCE_PATH.read_text(encoding="utf-8")
    assert written == reference.reference(), "write it anew: python -m nn_scratch.config.reference_page"


def test_every_registry_of_the_config_has_a_chapter() -> None:
    assert {chapter.registry.kind for chapter in CHAPTERS} == {registry.kind for registry in REGISTRIES}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)
def test_every_name_and_every_parameter_stands_in_its_chapter(chapter: Chapter) -> None:
    text = reference.reference().split(f"## {chapter.title}\n")[1].split("\n## ")[0]
    lines = text.replace(r"\|", "|").splitlines()
    assert len(chapter.registry) > 0
    for name in chapter.registry:
        assert [line for line in lines if line.startswith(f"| `{name}` | {chapter.registry.summary(name)} |")]
        for declared in chapter.registry.parameters(name):
            starts = tuple(f"| {of} | `{declared.name}` | " for of in (f"`{name}`", "every one"))
            (row,) = [line for line in lines if line.startswith(starts)]
            assert declared.description
            assert row.endswith(f" | {declared.description} |")


@pytest.mark.parametrize("chapter", [c for c in CHAPTERS if c.title != "Data sources"], ids=lambda c: c.title)
def test_every_part_of_the_mathematics_names_its_source(chapter: Chapter) -> None:
    for name in chapter.registry:
        assert bool(source_of(chapter.registry[name])) == (name not in WITHOUT_SOURCE), name


def test_a_source_is_what_stands_between_its_word_and_the_next() -> None:
    class Two:
        """A line.

        Source: One 2001, A title of
        two lines.
        In practice: other things.
        """

    class Last:
        """A line.

        Source: One 2001.

        More.
        """

    class Without:
        """A line about a Source: none."""

    assert [source_of(part) for part in (Two, Last, Without)] == ["One 2001, A title of two lines.", "One 2001.", ""]
