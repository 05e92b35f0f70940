from collections.abc import Iterator

import pytest

from tests.robustness.processes import Scripts


@pytest.fixture(scope="session")
def scripts() -> Iterator[Scripts]:
    with Scripts() as server:
        yield server
