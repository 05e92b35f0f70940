"""What a registry declares is what a config may say; no part is known to the schema by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Lt
from pydantic import ValidationError

from nn_scratch.config.parts import Named, ParametersOf, PartOf, instantiate
from nn_scratch.config.section import Section
from nn_scratch.registry import Choice, Doc, Registry


class Spice:
    pass


class Dish:
    pass


SPICES: Registry[Spice] = Registry("spice")
DISHES: Registry[Dish] = Registry("dish")


@SPICES.register("salt")
class Salt(Spice):
    pass


@SPICES.register("pepper")
class Pepper(Spice):
    def __init__(self, grind: Annotated[float, Gt(0), Lt(1), Doc("how fine")] = 0.5) -> None:
        self.grind = grind


@DISHES.register("soup")
class Soup(Dish):
    def __init__(
        self,
        litres: Annotated[int, Ge(1), Doc("how much")],
        spice: Annotated[Spice | None, Choice(lambda: SPICES), Doc("in it")] = None,
        hot: Annotated[Spice | float, Choice(lambda: SPICES), Doc("a spice, or degrees")] = 60.0,
        thick: Annotated[Literal["no", "yes"], Doc("with flour")] = "no",
    ) -> None:
        self.litres, self.spice, self.hot, self.thick = litres, spice, hot, thick


@DISHES.register("menu")
class Menu(Dish):
    def __init__(self, courses: Annotated[list[Dish], Choice(lambda: DISHES), Doc("in order")]) -> None:
        self.courses = courses


class Order(Section):
    dish: Annotated[Named | Literal["any"] | None, PartOf(DISHES, otherwise="soup"), Doc("what to eat")] = None


def order(dish: Any) -> Any:
    return Order.model_validate({"dish": dish}).dish


def mistakes(dish: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as error:
        order(dish)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in error.value.errors()]


def test_a_part_comes_with_all_its_parameters() -> None:
    assert order({"type": "soup", "litres": 2}) == Named(
        "soup", {"litres": 2, "spice": None, "hot": 60.0, "thick": "no"}
    )


def test_a_part_among_the_parameters_may_be_a_name_or_a_mapping() -> None:
    by_name = order({"type": "soup", "litres": 2, "spice": "pepper"})
    by_mapping = order({"type": "soup", "litres": 2, "spice": {"type": "pepper", "grind": 0.5}})
    assert by_name == by_mapping
    assert by_name.parameters["spice"] == Named("pepper", {"grind": 0.5})


def test_what_else_the_type_allows_may_stand_there() -> None:
    assert order("any") == "any"
    assert order(None) is None
    assert order({"litres": 1, "hot": 80}).parameters["hot"] == 80.0
    assert order({"litres": 1, "hot": "salt"}).parameters["hot"] == Named("salt")


def test_parts_hold_lists_of_parts() -> None:
    menu = order({"type": "menu", "courses": [{"type": "soup", "litres": 1}, {"type": "menu", "courses": []}]})
    assert [course.type for course in menu.parameters["courses"]] == ["soup", "menu"]


@pytest.mark.parametrize(
    ("dish", "expected"),
    [
        ("soap", [("dish", "unknown dish 'soap'; did you mean 'soup'?")]),
        ("ayn", [("dish", "unknown dish 'ayn'; did you mean 'any'?")]),
        ("x", [("dish", "unknown dish 'x'; one of: any, menu, soup")]),
        (3, [("dish", "must be the name of a dish, a mapping with its type, any or null, not 3")]),
        ({"type": None}, [("dish.type", "must be the name of the dish, not null; one of: menu, soup")]),
        ({"type": ["soup"]}, [("dish.type", "must be the name of the dish, not a list; one of: menu, soup")]),
        ({"type": ""}, [("dish.type", "is missing; write the name of the dish; one of: menu, soup")]),
        ({"litres": 0}, [("dish.litres", "must be a whole number of at least 1, not 0")]),
        ("soup", [("dish.litres", "is missing; write a whole number of at least 1")]),
        (
            {"litres": 1, "hot": True, "thick": "maybe", "spice": {"type": "pepper", "grind": 2}},
            [
                ("dish.spice.grind", "must be a number above 0 and below 1, not 2"),
                ("dish.hot", "must be the name of a spice, a mapping with its type or a number, not true"),
                ("dish.thick", "must be no or yes, not 'maybe'"),
            ],
        ),
        (
            {"litres": 1, "spice": {}},
            [("dish.spice.type", "is missing; write the name of the spice; one of: pepper, salt")],
        ),
        (
            {"litres": 1, "spice": {"type": "salt", "grains": 3}},
            [("dish.spice.grains", "unknown key; salt takes none")],
        ),
        (
            {"type": "menu", "courses": ["soup", {"type": "menu", "courses": "soup"}, "bread"]},
            [
                ("dish.courses.0.litres", "is missing; write a whole number of at least 1"),
                (
                    "dish.courses.1.courses",
                    "must be a list (each entry the name of a dish or a mapping with its type), not 'soup'",
                ),
                ("dish.courses.2", "unknown dish 'bread'; one of: menu, soup"),
            ],
        ),
    ],
)
def test_mistakes_in_parts_are_reported_where_they_are(dish: Any, expected: list[tuple[str, str]]) -> None:
    assert sorted(mistakes(dish)) == sorted(expected)


def test_a_part_becomes_an_object_with_objects_in_it() -> None:
    menu = instantiate(
        DISHES,
        order({"type": "menu", "courses": [{"type": "soup", "litres": 3, "spice": {"type": "pepper", "grind": 0.1}}]}),
    )
    assert isinstance(menu, Menu)
    (soup,) = menu.courses
    assert isinstance(soup, Soup)
    assert (soup.litres, soup.hot, soup.thick) == (3, 60.0, "no")
    assert isinstance(soup.spice, Pepper)
    assert soup.spice.grind == 0.1


class Kitchen(Section):
    pot: Annotated[
        Named,
        ParametersOf(
            DISHES,
            "soup",
            without={"litres": "the pot says how much"},
            instead={"spice": (Annotated[Named | Literal["auto"], PartOf(SPICES), Doc("auto: salt")], "auto")},
        ),
    ]


def test_a_key_can_take_the_parameters_of_one_part() -> None:
    pot = Kitchen.model_validate({"pot": {"thick": "yes"}}).pot
    assert pot == Named("soup", {"spice": "auto", "hot": 60.0, "thick": "yes"})
    soup = instantiate(DISHES, pot.but(spice=Named("salt")), litres=5)
    assert isinstance(soup, Soup)
    assert soup.litres == 5
    assert isinstance(soup.spice, Salt)


@pytest.mark.parametrize(
    ("pot", "place", "expected"),
    [
        ({"litres": 3}, "pot.litres", "the pot says how much; take the key out"),
        ({"spise": "salt"}, "pot.spise", "unknown key; did you mean 'spice'?"),
        ({"spice": "atuo"}, "pot.spice", "unknown spice 'atuo'; did you mean 'auto'?"),
        ("salt", "pot", "must be a mapping with the keys spice, hot, thick, not 'salt'"),
    ],
)
def test_mistakes_in_the_parameters_of_one_part(pot: Any, place: str, expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        Kitchen.model_validate({"pot": pot})
    assert [(".".join(map(str, one["loc"])), one["msg"]) for one in error.value.errors()] == [(place, expected)]
