"""A real browser: Debian's chromium, driven by playwright. In CI its absence is a failure, elsewhere a skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.runs.run import Run
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.page import page as page_of

VIEWS = ("network", "weights", "unit", "chain", "row", "boundary", "classes", "doctor", "compare", "guide")


def missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed, and in CI the page is tested in a browser")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        missing("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def axe_core() -> Any:
    """axe, which looks for barriers to people who do not use a mouse or do not see the page."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python")
    return Axe()


class Tab:
    """A page in the browser, with all that it said and asked for."""

    def __init__(self, page: Any) -> None:
        self.page, self.messages, self.requests = page, [], []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, address: str) -> Tab:
        self.page.goto(address)
        self.page.evaluate("nnPage.ready")
        return self

    def go(self, **state: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("state => nnPage.go(state)", state)
        return found

    def ask(self, expression: str, *arguments: Any) -> Any:
        """Call a function of the page: ask("(a, b) => nnPage.value(a, b)", 1, 2)."""
        return self.page.evaluate(f"many => ({expression})(...many)", list(arguments))

    def until(self, condition: str) -> None:
        """Wait for a condition; playwright's own waiting evaluates strings in the page, which the policy forbids."""
        for _ in range(600):
            try:
                if self.page.evaluate(condition):
                    return
            except Exception as error:  # the page is being loaded anew
                if "context was destroyed" not in str(error) and "nnPage" not in str(error):
                    raise
            self.page.wait_for_timeout(50)
        pytest.fail(f"never so: {condition}")

    @property
    def text(self) -> str:
        return str(self.page.inner_text("body"))


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Tab]]:
    """tab(path or text of a page, width=1400, theme="light"): opened, ready."""
    contexts = []

    def opened(address: str | Path, *, width: int = 1400, theme: str = "light") -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        where = address.resolve().as_uri() if isinstance(address, Path) else address
        return Tab(context.new_page()).open(where)

    yield opened
    for context in contexts:
        context.close()


def written(run: Run, folder: Path, **options: Any) -> Path:
    path = folder / f"{run.name}.html"
    path.write_text(page_of(View(run), **options), encoding="utf-8")
    return path
