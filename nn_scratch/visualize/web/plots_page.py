"""plots.html: the plots and the film of a run on one page that needs nothing beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from nn_scratch.visualize.compare import Comparison, ComparisonPlot
from nn_scratch.visualize.events import events_of
from nn_scratch.visualize.plot import Plot
from nn_scratch.visualize.view import View
from nn_scratch.wording import number_text, one_line, plural

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 1240px;
       margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p.sub, figcaption, .dim { color: #666; } .bad { color: #b34700; font-weight: 600; }
nav a { margin-right: 1rem; } a { color: #0072B2; }
img, video { max-width: 100%; height: auto; display: block; border: 1px solid #e4e4e4; }
figure { margin: 0 0 1.8rem; } figcaption { font-size: .9rem; margin-top: .3rem; max-width: 75em; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem 1.2rem .15rem 0; }
th, td { border-bottom: 1px solid #eee; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f6f6f6; padding: .8rem; overflow: auto; font-size: .85rem; }
"""

# no script, no picture, no font from elsewhere, for any content of a run's texts
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def report(view: View, pictures: Sequence[tuple[Plot, Path]], film: Path | None) -> str:
    """The page of a run, with the pictures and the film that were made of it."""
    warning = f' <span class="bad">{escape(view.warning)}</span>' if view.warning else ""
    sections = [
        ("scores", "Scores", scores(view)),
        ("doctor", "Findings", findings(view)),
        ("film", "The film", "" if film is None else video(film)),
        ("events", "What happened", events(view)),
        ("plots", "Plots", "\n".join(picture(plot, path) for plot, path in pictures)),
        ("notices", "Notices", notices(view)),
        ("config", "The config as run", config(view)),
    ]
    sections = [(anchor, title, body) for anchor, title, body in sections if body]
    epochs = plural(view.last_epoch, "epoch")
    heading = (
        f"<h1>{escape(view.name)}</h1>\n"
        f'<p class="sub">{escape(view.subtitle)} · {escape(view.status)}, {epochs}{warning}</p>'
    )
    return page(view.name, heading, sections)


def comparison_report(
    comparison: Comparison, pictures: Sequence[tuple[ComparisonPlot, Path]], film: Path | None
) -> str:
    """The page of several runs."""
    title = " against ".join(view.name for view in comparison.views)
    warning = f'<p class="bad">{escape(comparison.warning)}</p>' if comparison.warning else ""
    sections = [
        ("film", "The film", "" if film is None else video(film)),
        ("plots", "Plots", "\n".join(picture(plot, path) for plot, path in pictures)),
        ("config", "What differs in the configs", difference_table(comparison)),
    ]
    return page(title, f"<h1>{escape(title)}</h1>{warning}", [section for section in sections if section[2]])


def difference_table(comparison: Comparison) -> str:
    head = "".join(f"<th>{escape(view.name)}</th>" for view in comparison.views)
    rows = "\n".join(
        f"<tr><td>{escape(key)}</td>{''.join(f'<td>{escape(value)}</td>' for value in values)}</tr>"
        for key, values in comparison.difference.items()
    )
    return f"<table><tr><th>key</th>{head}</tr>\n{rows}</table>" if rows else "<p>Nothing, names aside.</p>"


def page(title: str, heading: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """A whole document; sections: anchor, title and body of each."""
    links = " ".join(f'<a href="#{anchor}">{name}</a>' for anchor, name, _ in sections)
    bodies = "\n".join(f'<h2 id="{anchor}">{name}</h2>\n{body}' for anchor, name, body in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
{heading}
<nav>{links}</nav>
{bodies}
</body>
</html>
"""


def embedded(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def picture(plot: Plot | ComparisonPlot, path: Path) -> str:
    how = escape(" ".join(plot.how_to_read.split()))
    source = embedded(path, "image/png")
    return f'<figure><img src="{source}" alt="{escape(plot.title)}"><figcaption>{how}</figcaption></figure>'


def video(film: Path) -> str:
    return (
        f'<video src="{embedded(film, "video/mp4")}" width="1280" height="720" controls loop muted playsinline></video>'
    )


def scores(view: View) -> str:
    """A table: the scores of each part, and those of the baselines below."""
    info = view.run.info
    parts = [part for part in ("train", "val", "test") if isinstance(info.get(part), dict)]
    names = list(dict.fromkeys(name for part in parts for name, value in info[part].items() if number_text(value, "")))
    if not names:
        return ""
    rows = [[name.replace("_", " "), *(number_text(info[part].get(name), "–") for part in parts)] for name in names]
    baselines = info.get("baselines")
    for model, by_part in baselines.items() if isinstance(baselines, dict) else ():
        if isinstance(by_part, dict) and any(isinstance(by_part.get(part), dict) for part in parts):
            found = [by_part[part] if isinstance(by_part.get(part), dict) else {} for part in parts]
            for name in dict.fromkeys(name for scores in found for name in scores if number_text(scores[name], "")):
                label = f"{model.replace('_', ' ')} baseline: {name.replace('_', ' ')}"
                rows.append([label, *(number_text(scores.get(name), "–") for scores in found)])
    head = "".join(f'<th class="n">{escape(part)}</th>' for part in parts)
    body = "\n".join(
        f"<tr><td>{escape(str(row[0]))}</td>{''.join(f'<td class=n>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f"<table><tr><th></th>{head}</tr>\n{body}</table>"


def findings(view: View) -> str:
    """The doctor's verdict, where there is one."""
    diagnosis = view.run.diagnosis
    if not diagnosis:
        return ""
    found = diagnosis.get("findings")
    lines = []
    for finding in found if isinstance(found, list) else ():
        if not isinstance(finding, dict):
            continue
        where = finding.get("where")
        place = ", ".join(f"{key} {value}" for key, value in where.items()) if isinstance(where, dict) else ""
        patches = "".join(
            f"<br><span class=dim>try: {escape(json.dumps(patch.get('set'), ensure_ascii=False))} — "
            f"{escape(one_line(str(patch.get('why', ''))))}</span>"
            for patch in finding.get("patches") or ()
            if isinstance(patch, dict)
        )
        lines.append(
            f"<li><b>{escape(str(finding.get('rule')))}</b> ({escape(str(finding.get('severity')))}"
            f"{', ' + escape(place) if place else ''}): "
            f"{escape(one_line(str(finding.get('because', ''))))}{patches}</li>"
        )
    return f"<p>Verdict: <b>{escape(str(diagnosis.get('verdict')))}</b></p><ul>{''.join(lines)}</ul>"


def events(view: View) -> str:
    lines = [f"<li>epoch {event.epoch}: {escape(event.text)}</li>" for event in events_of(view)]
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def notices(view: View) -> str:
    found = view.run.info.get("notices")
    lines = [f"<li>{escape(str(notice))}</li>" for notice in found] if isinstance(found, list) else []
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def config(view: View) -> str:
    _ = view.run.config  # that it can be read, and is no link
    return f"<pre>{escape((view.run.path / 'param.yaml').read_text(encoding='utf-8'))}</pre>"
