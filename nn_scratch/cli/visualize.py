"""Draw a run: report.html, plots/*.png, plots.html and weights.mp4 in its folder. Two runs or more are compared."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from nn_scratch.cli.process import say
from nn_scratch.cli.slow_steps import LOGGER, announced
from nn_scratch.errors import UserError
from nn_scratch.wording import did_you_mean, utf8

if TYPE_CHECKING:
    from nn_scratch.runs.run import Run
    from nn_scratch.visualize.compare import Comparison
    from nn_scratch.visualize.film.make import Report
    from nn_scratch.visualize.gallery import Output
    from nn_scratch.visualize.plot import Plot
    from nn_scratch.visualize.view import View


MOST_COMPARED = 50

EXAMPLES = (
    "examples:",
    "  python script/visualize.py                     the newest run",
    "  python script/visualize.py digits-001          one run, by name or path",
    "  python script/visualize.py digits-001 digits-002   what sets them apart",
    "  python script/visualize.py --page-only         the page that can be touched, without plots and film",
    "  python script/visualize.py --only curves,confusion --no-film",
    "  python script/visualize.py --list              what each plot shows, and how to read it",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder, or its name under outputs/")
    parser.add_argument("--only", metavar="NAME,...", help="these plots alone (see --list); curves:accuracy: one panel")
    parser.add_argument("--layer", metavar="NAME", help="this layer alone, such as hidden_2")
    parser.add_argument("--list", action="store_true", help="print what each plot shows, and how to read it")
    parser.add_argument("--format", type=picture_formats, metavar="KIND,...", help="of plots: png, svg, pdf")
    parser.add_argument("--svg", action="store_true", help="each plot as SVG too")
    parser.add_argument("--dpi", type=dots_per_inch, default=100, metavar="N", help="of PNG plots (default: 100)")
    parser.add_argument(
        "--show",
        metavar="WHAT,...",
        help="what the film shows: weights, changes, gradients, activations (default: weights,changes)",
    )
    parser.add_argument("--no-film", action="store_true", help="plots and page alone")
    parser.add_argument("--gif", action="store_true", help="the film as weights.gif too")
    parser.add_argument(
        "--film-format", choices=("mp4", "gif", "webp", "frames"), default="mp4", help="frames: a folder of PNG files"
    )
    parser.add_argument(
        "--size",
        type=film_size,
        default=(1280, 720),
        metavar="WxH",
        help="the film's size: 1280x720 (default), 1920x1080, 3840x2160, square",
    )
    parser.add_argument("--seconds", type=film_seconds, metavar="S", help="the film's length")
    parser.add_argument("--style", choices=("page", "paper", "slide", "dark"), default="page", help="how pictures look")
    parser.add_argument("--epochs-per-second", type=positive, metavar="N", help="the film's speed")
    parser.add_argument("--fps", type=positive_int, metavar="N", help="the film's frames a second")
    parser.add_argument("--page-only", action="store_true", help="report.html alone, without plots and film")
    parser.add_argument("--no-rows", action="store_true", help="leave the rows of the data out of report.html")
    parser.add_argument(
        "--page-megabytes", type=positive, default=5.0, metavar="N", help="largest size of report.html (default: 5)"
    )
    parser.add_argument("--live", action="store_true", help="serve the run's page to this machine while it trains")
    parser.add_argument("--until-ended", action="store_true", help=argparse.SUPPRESS)  # how train.py --live starts it
    parser.add_argument("--cheat-sheet", action="store_true", help="train and draw a page of healthy and sick shapes")
    parser.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")


def picture_formats(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [kind for kind in kinds if kind not in ("png", "svg", "pdf")]
    if unknown or not kinds:
        raise argparse.ArgumentTypeError(f"{text}: write png, svg or pdf, separated by commas")
    return kinds


def dots_per_inch(text: str) -> int:
    value = int(text)
    if not 30 <= value <= 1200:
        raise argparse.ArgumentTypeError(f"{text}: write a whole number from 30 to 1200")
    return value


SIZES = {"square": (1080, 1080), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}


def film_size(text: str) -> tuple[int, int]:
    if text.lower() in SIZES:
        return SIZES[text.lower()]
    width, _, height = text.lower().partition("x")
    sides = [int(side) if side.isdecimal() else 0 for side in (width, height)]
    if not (640 <= sides[0] <= 7680 and 480 <= sides[1] <= 4320) or sides[0] % 2 or sides[1] % 2:
        raise argparse.ArgumentTypeError(f"{text}: write square, or even numbers from 640x480 to 7680x4320: 1920x1080")
    return sides[0], sides[1]


def film_seconds(text: str) -> float:
    value = float(text)
    if not 3 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text}: write a number from 3 to 600")
    return value


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text}: write a number above 0, at most 1000")
    return value


def positive_int(text: str) -> int:
    value = int(text)
    if not 0 < value <= 120:
        raise argparse.ArgumentTypeError(f"{text}: write a whole number from 1 to 120")
    return value


def main(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, and return what was written; raises UserError for what the user has to change, EnvironmentFailure for
    what the machine would not do.
    """
    if options.list:
        return list_plots()
    if options.cheat_sheet:
        return draw_cheat_sheet(options)
    if options.live:
        return serve_live(options)
    from threadpoolctl import threadpool_limits

    from nn_scratch.runs.run import Run
    from nn_scratch.visualize.style import import_matplotlib

    outputs = outputs_of(options)
    runs = [Run.open(run, outputs) for run in options.runs] or [Run.newest(outputs)]
    import_matplotlib()
    with threadpool_limits(limits=1, user_api="blas"), announced(options):  # the encoder has a use for other cores
        document = draw_run(runs[0], options) if len(runs) == 1 else compare_runs(runs, options)
    from nn_scratch.visualize.style import missing_letters

    if note := missing_letters():
        say(f"note: {note}")
        document["note"] = note
    return document


def outputs_of(options: argparse.Namespace) -> Path:
    """Where runs are."""
    from nn_scratch.config.project import outputs_folder

    return outputs_folder(options.outputs)


def serve_live(options: argparse.Namespace) -> dict[str, Any]:
    """Serve the page of one run to this machine until Ctrl-C; --until-ended: or until the run has ended."""
    import os
    import sys
    from contextlib import suppress

    from threadpoolctl import threadpool_limits

    from nn_scratch.doctor.diagnose import diagnose
    from nn_scratch.runs.run import Run
    from nn_scratch.visualize.web.live import LiveRun, LiveServer

    if len(options.runs) > 1:
        raise UserError("--live: shows one run; name one")
    outputs = outputs_of(options)
    run = Run.open(options.runs[0], outputs) if options.runs else Run.newest(outputs)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(10)  # the training comes first
    live = LiveRun(run.path, examine=lambda run: diagnose(run).to_json(), rows_inside=not options.no_rows)
    server = LiveServer(live)
    threadpool_limits(limits=1, user_api="blas")  # the training has a use for the other cores
    say(f"live: {server.address}  {run.name} while it trains, on this machine alone; Ctrl-C ends it")
    sys.stdout.flush()  # train.py waits for this line
    server.serve(until_ended=options.until_ended)
    return {"run": run.name, "path": str(run.path), "address": server.address}


def list_plots() -> dict[str, Any]:
    from textwrap import indent

    from nn_scratch.visualize.plot import plots

    known = list(plots().values())
    for plot in known:
        first, _, rest = plot.how_to_read.partition("\n")
        say(f"{plot.name}: {first}")
        say(indent(rest.strip("\n"), "    "))
        say(f"    What to look for: {plot.look}.\n")
    fields = ("name", "title", "how_to_read", "look")
    return {"plots": [{field: getattr(plot, field) for field in fields} for plot in known]}


def draw_cheat_sheet(options: argparse.Namespace) -> dict[str, Any]:
    from nn_scratch.runs.files import disk_errors
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.cheat_sheet import cheat_sheet
    from nn_scratch.visualize.gallery import save
    from nn_scratch.visualize.style import drawing

    outputs, output = outputs_of(options), output_of(options)
    with disk_errors(outputs):
        outputs.mkdir(parents=True, exist_ok=True)
    with drawing(output.theme):
        with progress("training") as report:
            figure = cheat_sheet(report)
        path = save(figure, outputs / "cheat-sheet", output)
    say(f"{shown(path)}  healthy and sick shapes, of runs trained just now")
    return {"written": [str(path)]}


def draw_run(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    from nn_scratch.experiments.beside import Beside
    from nn_scratch.runs.files import write_text
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.film.matrices import check_kinds
    from nn_scratch.visualize.plot import choose
    from nn_scratch.visualize.style import note_missing
    from nn_scratch.visualize.view import View
    from nn_scratch.visualize.web.plots_page import report

    document: dict[str, Any] = {"run": run.name, "path": str(run.path)}
    if options.page_only:
        LOGGER.info("making report.html")
        return {**document, "pages": [draw_page(run, options)]}
    view = View(run, options.layer)
    only, panels = with_panels(names(options.only))
    chosen = choose(only)
    show = names(options.show)
    check_kinds(show or ())
    if view.warning:
        say(f"{view.name}: {view.warning}; what there is is drawn")
    if any(plot.name in ("importance", "partial_dependence") for plot in chosen):
        measure_columns(run)
    output = output_of(options)

    def draw() -> Drawn:
        return drawn(view, chosen, output, panels)

    films: list[Path] = []
    page = ""
    with nullcontext() if options.only else Beside(draw) as beside:
        if beside is not None:
            LOGGER.info("preparing the film")
            films = [] if options.no_film else film_of([view], run.path, show, options)
            LOGGER.info("making report.html")
            page = page_of(run, options)
        LOGGER.info("drawing the plots")
        found = draw() if beside is None else beside.result()
    note_missing(set(found["missing"]))
    known, left_out = {plot.name: plot for plot in chosen}, found["left_out"]
    pictures = [(known[name], Path(path)) for name, path in found["paths"].items()]
    for plot, path in pictures:
        say(f"{shown(path)}  {plot.title}")
    if options.only and not pictures:
        raise UserError([f"--only {name} ({reason})" for name, reason in left_out.items()])
    if left_out:
        say(f"not for this run: {'; '.join(f'{name} ({reason})' for name, reason in left_out.items())}")
    pages = []
    if not options.only:
        plots_page, film = run.path / "plots.html", mp4_of(films)
        write_text(plots_page, report(view, pictures, film))
        say(f"{shown(plots_page)}  the plots{' and the film' if film else ''} on one page")
        pages = [str(plots_page), write_page(run, page, options)]
    return {**document, **written_pictures(pictures, films), "left_out": left_out, "pages": pages}


class Drawn(TypedDict):
    """What became of the plots of a run, by name."""

    paths: dict[str, str]
    left_out: dict[str, str]  # why
    missing: list[str]  # letters that no font had


def drawn(view: View, chosen: Sequence[Plot], output: Output, panels: Mapping[str, str]) -> Drawn:
    """Draw plots of a run."""
    from nn_scratch.visualize.gallery import draw_plots
    from nn_scratch.visualize.style import missing

    found = Drawn(paths={}, left_out={}, missing=[])
    for plot in chosen:
        for _, result in draw_plots(view, [plot], view.run.path / "plots", output, panels.get(plot.name)):
            (found["left_out"] if isinstance(result, str) else found["paths"])[plot.name] = str(result)
    found["missing"] = sorted(missing())
    return found


def written_pictures(pictures: Sequence[tuple[Any, Path]], films: Sequence[Path]) -> dict[str, Any]:
    """The plots, by name, and films in the output of --json."""
    return {
        "plots": {plot.name: str(path) for plot, path in pictures},
        "films": [str(path) for path in films],
    }


def mp4_of(films: Sequence[Path]) -> Path | None:
    """The film that a page shows."""
    return next((path for path in films if path.suffix == ".mp4"), None)


def measure_columns(run: Run) -> None:
    """Measure which columns matter, once, where the run's source is a table that is still there."""
    from nn_scratch.data.formats import has_named_columns

    source = run.config.get("data", {}).get("source")
    known = (run.path / "importance.json").exists()
    if known or run.info["status"] not in ("finished", "stopped") or not isinstance(source, str):
        return
    if has_named_columns(Path(source)):
        from nn_scratch.experiments.importance import measure_importance

        say("measuring which columns matter")
        try:
            measure_importance(run)
        except UserError as error:
            say(f"note: importance of the columns is not measured: {error.problems[0]}")
        LOGGER.info("")  # no thread may be alive when the process is forked


def draw_page(run: Run, options: argparse.Namespace) -> str:
    """Write report.html of a run; returns its path."""
    return write_page(run, page_of(run, options), options)


def page_of(run: Run, options: argparse.Namespace) -> str:
    """The text of report.html of a run."""
    from nn_scratch.visualize.view import View
    from nn_scratch.visualize.web.page import page

    return page(View(run), megabytes=options.page_megabytes, rows_inside=not options.no_rows)


def write_page(run: Run, text: str, options: argparse.Namespace) -> str:
    from nn_scratch.runs.files import write_text
    from nn_scratch.runs.folder import shown

    path = run.path / "report.html"
    write_text(path, text)
    say(f"{shown(path)}  the network to touch, epoch by epoch: open it in a browser ({page_words(text, options)})")
    return str(path)


def page_words(text: str, options: argparse.Namespace) -> str:
    rows = "without rows of the data" if options.no_rows else "some rows of the data are inside; --no-rows: none"
    return f"{len(utf8(text)) / 1e6:.1f} MB; {rows}"


def compare_runs(runs: list[Run], options: argparse.Namespace) -> dict[str, Any]:
    from nn_scratch.runs.files import make_folder, write_text
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.compare import COMPARISONS, Comparison
    from nn_scratch.visualize.film.matrices import check_kinds
    from nn_scratch.visualize.gallery import save
    from nn_scratch.visualize.style import drawing
    from nn_scratch.visualize.view import View
    from nn_scratch.visualize.web.plots_page import comparison_report

    document: dict[str, Any] = {"runs": [run.name for run in runs]}
    if options.page_only:
        comparison = Comparison([View(run, options.layer) for run in runs])
        return {**document, "pages": [draw_comparison_page(comparison, runs, options)]}
    only, panels = with_panels(names(options.only))
    chosen, output = only or list(COMPARISONS), output_of(options)
    problems = [
        f"--only {name}: no plot of several runs{did_you_mean(name, COMPARISONS)}"
        for name in chosen
        if name not in COMPARISONS
    ]
    if problems:
        raise UserError(problems)
    show = names(options.show)
    check_kinds(show or ())
    views = [View(run, options.layer) for run in runs]
    comparison = Comparison(views)
    folder = runs[0].path.parent / comparison_name(runs)
    make_folder(folder)
    make_folder(folder / "plots")
    pictures = []
    for name in chosen:
        LOGGER.info(f"drawing {name}")
        with drawing(output.theme, frozenset().union(*(view.letters for view in views))):
            path = save(COMPARISONS[name].draw(comparison), folder / "plots" / name, output, panels.get(name))
        pictures.append((COMPARISONS[name], path))
        say(f"{shown(path)}  {COMPARISONS[name].title}")
    films = []
    if not options.no_film and not options.only:
        if len(views) > 2:
            say(f"the film shows the first two: {views[0].name} and {views[1].name}")
        films = film_of(views[:2], folder, show, options)
    LOGGER.info("making the pages")
    page, film = folder / "plots.html", mp4_of(films)
    write_text(page, comparison_report(comparison, pictures, film))
    say(f"{shown(page)}  the plots{' and the film' if film else ''} on one page")
    pages = [str(page), draw_comparison_page(comparison, runs, options)]
    return {**document, "path": str(folder), **written_pictures(pictures, films), "pages": pages}


def draw_comparison_page(comparison: Comparison, runs: list[Run], options: argparse.Namespace) -> str:
    """Write report.html of several runs; returns its path."""
    from nn_scratch.runs.files import make_folder, write_text
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.web.page import comparison_page

    if len(runs) > MOST_COMPARED:
        raise UserError(f"{len(runs)} runs: report.html compares at most {MOST_COMPARED}; name fewer")
    folder = runs[0].path.parent / comparison_name(runs)
    make_folder(folder)
    text = comparison_page(comparison, megabytes=options.page_megabytes, rows_inside=not options.no_rows)
    path = folder / "report.html"
    write_text(path, text)
    say(f"{shown(path)}  the runs side by side: open it in a browser ({page_words(text, options)})")
    return str(path)


def comparison_name(runs: list[Run]) -> str:
    """compare-digits-001-digits-002; of more than three, the first and how many others."""
    known = [run.name for run in runs]
    return "-".join(["compare", *(known if len(known) <= 3 else [known[0], "and", str(len(known) - 1), "more"])])[:150]


def names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def with_panels(only: list[str] | None) -> tuple[list[str] | None, dict[str, str]]:
    """The names of plots, and the panel of those that are written as plot:panel."""
    if only is None:
        return None, {}
    pairs = [name.partition(":") for name in only]
    return [plot for plot, _, _ in pairs], {plot: panel.strip() for plot, _, panel in pairs if panel.strip()}


def output_of(options: argparse.Namespace) -> Output:
    """How plots are written; a page needs PNG, which comes first unless only some plots are selected."""
    from nn_scratch.visualize.gallery import Output
    from nn_scratch.visualize.palette import THEMES

    kinds = options.format or ("png",)
    if options.svg:
        kinds = (*kinds, "svg")
    if not options.only:
        kinds = ("png", *kinds)
    return Output(tuple(dict.fromkeys(kinds)), options.dpi, THEMES[options.style])


def film_of(views: list[View], folder: Path, show: list[str] | None, options: argparse.Namespace) -> list[Path]:
    """Write the film in each format requested; returns the files, none where there is nothing to show."""
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.film.animation import write_animation
    from nn_scratch.visualize.film.make import write_film
    from nn_scratch.visualize.film.scene import Film
    from nn_scratch.visualize.palette import THEMES
    from nn_scratch.visualize.view import NotForThisRun

    try:
        film = Film(
            views,
            show,
            options.epochs_per_second,
            options.fps,
            size=options.size,
            seconds=options.seconds,
            theme=THEMES[options.style],
        )
    except NotForThisRun as reason:
        say(f"no film: {reason}")
        return []
    kinds = [options.film_format, *(["gif"] if options.gif and options.film_format != "gif" else [])]
    written = []
    for kind in kinds:
        name = "weights-frames" if kind == "frames" else f"weights.{kind}"
        with progress(name) as report:
            if kind == "mp4":
                path = folder / name
                write_film(film, path, report)
                written.append(path)
                say(f"{shown(path)}  {film.count:,} frames, {film.count / film.fps:.1f} s")
            else:
                other = write_animation(film, kind, folder, report)
                written.append(other)
                size = f", {other.stat().st_size / 1e6:.1f} MB" if other.is_file() else ""
                say(f"{shown(other)}  {len(film.pace.rows):,} pictures{size}")
    return written


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """A bar in a terminal, and nothing elsewhere: the line that follows is enough."""
    from nn_scratch.cli.printer import Printer

    printer = Printer()
    LOGGER.info("" if printer.is_terminal else f"writing {what}")
    if not printer.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=printer, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
