"""Names in the config to classes in the code.

A part (an activation, a layer, an optimizer ...) is declared once, where it is defined:

    OPTIMIZERS = Registry("optimizer")

    @OPTIMIZERS.register("rmsprop")
    class RMSprop(Optimizer):
        def __init__(self, lr: Annotated[float, Gt(0), Doc("learning rate")] = 0.001, ...) -> None: ...

The keyword arguments, with their types, bounds, defaults and descriptions, are read from the signature. The config's
schema, its error messages and the documentation's tables are derived from them, so that they agree with the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from typing_extensions import Doc

from nn_scratch.errors import UserError
from nn_scratch.wording import did_you_mean

__all__ = ["Choice", "Declared", "Doc", "Registry"]

T = TypeVar("T")
MISSING = inspect.Parameter.empty


@dataclass(frozen=True)
class Declared:
    """One keyword argument of a registered part."""

    name: str
    annotation: Any  # the type, with its bounds (Annotated[float, Gt(0), ...])
    default: Any  # Declared.REQUIRED when it must be given
    description: str
    registry: Registry[Any] | None  # where the value is itself the name of a part

    REQUIRED = MISSING

    @property
    def required(self) -> bool:
        return self.default is MISSING


@dataclass(frozen=True)
class Choice:
    """Marks an argument whose value in the config is the name of a part, or a mapping with its parameters.

    `activation: Annotated[Activation, Choice(lambda: ACTIVATIONS)]`; the registry is named late, so that modules
    may be imported in any order. `Choice | None` in the type allows null, `Choice | float` a plain number.
    """

    registry: Callable[[], Registry[Any]]


class Registry(Generic[T]):
    """The named parts of one kind, in the order they were registered."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._parts: dict[str, type[T]] = {}
        self._declared: dict[str, tuple[Declared, ...]] = {}  # signatures are read once

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known as `name`."""

        def add(part: type[T]) -> type[T]:
            if name in self._parts:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._parts[name] = part
            part.registered_name = name  # type: ignore[attr-defined]
            return part

        return add

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._parts[name]
        except KeyError:
            raise UserError(f"unknown {self.kind} {name!r}{did_you_mean(str(name), self._parts)}") from None

    def create(self, name: str, /, **parameters: Any) -> T:
        return self[name](**parameters)

    def parameters(self, name: str) -> tuple[Declared, ...]:
        """The keyword arguments of a part, in the order of its signature."""
        if name not in self._declared:
            self._declared[name] = tuple(self._read(self[name]))
        return self._declared[name]

    def _read(self, part: type[T]) -> Iterator[Declared]:
        hints = get_type_hints(part.__init__, include_extras=True)
        for argument in list(inspect.signature(part.__init__).parameters.values())[1:]:
            if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
                continue
            annotation = hints[argument.name]
            extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
            yield Declared(
                name=argument.name,
                annotation=annotation,
                default=argument.default,
                description=next((e.documentation for e in extras if isinstance(e, Doc)), ""),
                registry=next((e.registry() for e in extras if isinstance(e, Choice)), None),
            )

    def former_parameters(self, name: str) -> Mapping[str, str]:
        """Earlier names of a part's parameters, each with the name of today: configs may still give them."""
        return getattr(self[name], "former_parameters", {})

    def summary(self, name: str) -> str:
        """The first line of a part's docstring."""
        return (inspect.getdoc(self[name]) or "").split("\n", 1)[0]


def import_all(package: str) -> None:
    """Import every module of a package, so that what it registers is known: a new part is a new file, no list."""
    import importlib
    import pkgutil

    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
