"""report.html: a run that can be touched, in one file that loads nothing else.

The policy lets the browser run this file's own script and styles, known by their digests, and load nothing; no text
of a run can become markup, as `trusted-types 'none'` forbids it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from nn_scratch.errors import UserError
from nn_scratch.runs.files import finite
from nn_scratch.visualize.compare import Comparison
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.colours import colours
from nn_scratch.visualize.web.document import document, guide, rules
from nn_scratch.visualize.web.tensors import Tensors
from nn_scratch.wording import utf8

HERE = Path(__file__).parent
MEGABYTES = 5.0
OVERHEAD = 200_000  # bytes of code, styles, words and curves, about
MOST_WITH_TENSORS = 2  # runs of a comparison; of the others the curves

# In the order in which they need each other; each file's imports name only files before it.
MODULES = (
    *("text.js", "blocks.js", "state.js", "draw.js", "curves.js", "matrix.js", "numbers.js"),
    *("network.js", "weights.js", "unit.js", "chain.js", "row.js", "classes.js", "boundary.js", "doctor.js"),
    *("compare.js", "guide.js", "door.js", "keys.js", "live.js", "main.js"),
)
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data: blob:; "
    "media-src data:; {connect}require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; "
    "form-action 'none'"
)


@cache
def script() -> str:
    """The page's modules as one: imports and the word `export` go, as all names share one scope."""
    library = (HERE / "vendor" / "uPlot.iife.min.js").read_text(encoding="utf-8")
    parts = [library]
    for name in MODULES:
        source = (HERE / name).read_text(encoding="utf-8")
        body = IMPORT.sub("", source)
        parts.append(re.sub(r"^export ", "", body, flags=re.MULTILINE))
    return "\n".join(parts).replace("</script", "<\\/script")


@cache
def style() -> str:
    sheets = ((HERE / name).read_text(encoding="utf-8") for name in ("vendor/uPlot.min.css", "page.css"))
    return "\n".join((colours(), *sheets))


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def in_script(value: Any) -> str:
    """JSON that holds no markup: a `<` in a text cannot end the element it stands in."""
    text = json.dumps(finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def assemble(title: str, content: Mapping[str, Any], blocks: Mapping[str, str], *, live: bool = False) -> str:
    """A whole document; blocks: base64 by the id of its element."""
    policy = POLICY.format(
        script=digest(script()), style=digest(style()), connect="connect-src 'self'; " if live else ""
    )
    data = "\n".join(
        f'<script type="application/octet-stream" id="{escape(name)}">{text}</script>' for name, text in blocks.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style()}</style>
</head>
<body>
<noscript><p>This page draws a training run with JavaScript, which is switched off here.</p></noscript>
<main id="page"></main>
<script type="application/json" id="content">{in_script(content)}</script>
{data}
<script type="module">{script()}</script>
</body>
</html>
"""


def page(view: View, *, megabytes: float = MEGABYTES, rows_inside: bool = True, live: str | None = None) -> str:
    """The page of one run. live: the address below which the running process serves its rows."""
    return pages([view], megabytes=megabytes, rows_inside=rows_inside, live=live)


def comparison_page(comparison: Comparison, *, megabytes: float = MEGABYTES, rows_inside: bool = True) -> str:
    """The page of several runs: two with tensors, the others as curves."""
    return pages(comparison.views, comparison, megabytes=megabytes, rows_inside=rows_inside)


def pages(
    views: Sequence[View],
    comparison: Comparison | None = None,
    *,
    megabytes: float = MEGABYTES,
    rows_inside: bool = True,
    live: str | None = None,
) -> str:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):  # products of a few hundred rows: more threads only wait
        return _pages(views, comparison, megabytes, rows_inside, live)


def _pages(
    views: Sequence[View], comparison: Comparison | None, megabytes: float, rows_inside: bool, live: str | None
) -> str:
    several = len(views) > 1
    bare = [live is not None or len(views) > MOST_WITH_TENSORS] * len(views)
    limit = int(megabytes * 1e6)
    budget = max(0, limit - OVERHEAD - 20_000 * len(views)) // len(views)
    parts = [
        Tensors(view, budget, rows_inside=rows_inside, curves_only=curves)
        for view, curves in zip(views, bare, strict=True)
    ]
    for tensors in parts:
        if live is not None:
            tensors.left_out = ["single rows, the chain rule row by row and the optimizer's steps: when the run ends"]
        elif several and bare[0]:
            tensors.left_out = ["of more than two runs, the curves alone are here"]
    title = " against ".join(view.name for view in views[:3]) if several else views[0].name
    while True:
        text = _assembled(title, views, parts, comparison, live)
        excess = len(utf8(text)) - limit
        filled = [tensors for tensors in parts if tensors.blocks]
        if excess <= 0 or not filled:
            break
        for tensors in filled:  # what stands around the blocks takes more than was set aside for it
            tensors.fit(tensors.size - -(-excess // len(filled)))
    if excess > 0 and live is None:
        least = -(-(limit + excess) // 100_000) / 10
        raise UserError(f"--page-megabytes {megabytes:g}: the page takes more without any array; write {least} or more")
    return text


def _assembled(
    title: str,
    views: Sequence[View],
    parts: Sequence[Tensors],
    comparison: Comparison | None,
    live: str | None,
) -> str:
    runs, blocks = [], {}
    for number, (view, tensors) in enumerate(zip(views, parts, strict=True)):
        described = document(view, tensors)
        for place, (name, block) in enumerate(tensors.blocks.items()):
            described["blocks"][name]["id"] = f"b{number}-{place}"
            blocks[f"b{number}-{place}"] = block.data
        runs.append(described)
    content: dict[str, Any] = {
        "runs": runs,
        "guide": guide(),
        "rules": rules(),
        "live": live,
        "difference": [],
        "groups": [],
    }
    if comparison is not None:
        names = [view.name for view in comparison.views]
        content["difference"] = [[key, values] for key, values in comparison.difference.items()]
        content["groups"] = [
            {"label": group.label, "members": [names.index(view.name) for view in group.views]}
            for group in comparison.groups
        ]
    return assemble(title, content, blocks, live=live is not None)
