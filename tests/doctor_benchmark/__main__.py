"""`python -m tests.doctor_benchmark`: the table "What counts as good", measured.

Generated cases by default; `--tables FOLDER` and `--faults FOLDER` measure on real tables and on faults of real
programs, which are not part of the project. Each part ends with the reliability table: confidence stated against share
right.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from nn_scratch.config.project import CONFIGS
from nn_scratch.config.resolve import change_config, load_config
from nn_scratch.doctor import diagnose
from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from tests.doctor_benchmark import measures, real_faults, real_tables, reliability
from tests.doctor_benchmark.baselines import BASELINES
from tests.doctor_benchmark.case import FOLDER, Case, load
from tests.doctor_benchmark.examine import examine
from tests.doctor_benchmark.generate import path_of
from tests.doctor_benchmark.measures import Result
from tests.doctor_benchmark.parts import PARTS

RANDOM_EVERY = 4  # of the cases, one in so many is treated with random patches too
CHUNK = 16
FULL = 1000
TIMED = 7


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.timing:
        print(timing())
        return 0
    if options.tables or options.faults:
        return real(options)
    seeds = [options.seed] if options.seed is not None else cached_seeds(options.part)
    cases = [case for seed in seeds for case in load(path_of(options.part, seed))]
    if options.full and len(cases) < FULL:
        print(
            f"{len(cases)} cases of the {options.part} part are cached, not {FULL:,}; more with "
            f"`python -m tests.doctor_benchmark.generate --part {options.part} --seed {max(seeds) + 1} --cases 200`"
        )
    cases = cases[: options.cases or FULL]
    started = perf_counter()
    results = run(cases, 0.0 if options.full else 60 * options.minutes, options.jobs, not options.no_treatment)
    minutes = (perf_counter() - started) / 60
    print(report(results, len(cases), options, minutes))
    if options.json:
        text = json.dumps([asdict(result) for result in results], default=float)
        entries = json.loads(text, parse_constant=lambda constant: None)  # JSON has no NaN
        Path(options.json).write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    return 0


def real(options: argparse.Namespace) -> int:
    """The parts on real tables and on faults of real programs."""
    told: list[reliability.Statement] = []
    try:
        if options.tables:
            tables = real_tables.measured(Path(options.tables), options.seeds, options.only)
            print(
                "\n".join(
                    ["", f"{'real tables, the default config':48} ours [95 % interval]", *shares(tables.figures())]
                )
            )
            told += tables.statements()
        if options.faults:
            folder, fix = Path(options.faults), not options.no_treatment
            cases, results = real_faults.measured(folder, Path(options.work), fix, options.only)
            found = real_faults.judged(folder, cases, results)
            print(
                "\n".join(
                    [
                        "",
                        f"{'faults of real programs':48} ours [95 % interval]",
                        *shares(real_faults.figures(found, fix)),
                    ]
                )
            )
            told += real_faults.statements(cases, found)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(["", *reliability.table(told)]))
    return 0


def timing() -> str:
    """How long the diagnosis of a run of 100 epochs of the shipped config takes, without retraining."""
    with tempfile.TemporaryDirectory(prefix="timing-") as folder:
        run = train(change_config(load_config(CONFIGS / "param.yaml"), {"train.epochs": 100}), Path(folder))
        diagnose(run, budget=0)  # imports what it needs
        seconds, cpu = [], []
        for _ in range(TIMED):
            clock, used = perf_counter(), process_time()
            diagnose(Run(run.path), budget=0)
            seconds.append(perf_counter() - clock)
            cpu.append(process_time() - used)
    return (
        f"a diagnosis after 100 epochs of the digits, without retraining: {np.median(seconds):.3f} s, "
        f"{np.median(cpu):.3f} s of CPU time (medians of {TIMED})"
    )


def shares(figures: Mapping[str, measures.Share]) -> list[str]:
    return [f"{name:48} {measures.written(share)}" for name, share in figures.items()]


def cached_seeds(part: str) -> list[int]:
    return sorted(int(path.stem.split("-")[1]) for path in FOLDER.glob(f"{part}-*.json"))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.doctor_benchmark", description=__doc__)
    parser.add_argument(
        "--part", choices=list(PARTS), default="dev", help="dev and validation to work with, reported to report"
    )
    parser.add_argument("--seed", type=int, help="the cases of cases/<part>-<seed>.json alone")
    parser.add_argument("--minutes", type=float, default=10.0, help="no new cases are begun later than this")
    parser.add_argument("--cases", type=int, default=0, help="the first so many alone")
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} cases, however long it takes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--no-treatment", action="store_true", help="diagnose, and try no patches: five times faster")
    parser.add_argument("--json", metavar="FILE", help="every case's result")
    parser.add_argument("--confusion", action="store_true", help="planted against named, for the reported part too")
    parser.add_argument("--timing", action="store_true", help="seconds of a diagnosis after 100 epochs of the digits")
    parser.add_argument("--tables", metavar="FOLDER", help="real tables: CSV files with a manifest.json")
    parser.add_argument(
        "--faults", metavar="FOLDER", help="faults of real programs: cases/, data/, and run.py to score"
    )
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="of these tables or faults some, with commas between"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of the untouched tables")
    parser.add_argument(
        "--work", metavar="DIR", default="outputs/real_faults", help="where results of --faults are kept"
    )
    return parser.parse_args(arguments)


def run(cases: Sequence[Case], seconds: float, jobs: int, treat: bool) -> list[Result]:
    """Examine the cases in their order, until the time is over (0: all of them)."""
    from joblib import Parallel, delayed, parallel_config

    started = perf_counter()
    results: list[Result] = []
    with parallel_config("loky", inner_max_num_threads=1), Parallel(n_jobs=jobs) as parallel:
        for at in range(0, len(cases), CHUNK):
            if seconds and perf_counter() - started > seconds * 0.97:
                break
            chunk = cases[at : at + CHUNK]
            results += parallel(
                delayed(examine)(case, treat and number // 2 % RANDOM_EVERY == 0, treat)
                for number, case in enumerate(chunk, at)
            )
    return results


def report(results: Sequence[Result], asked: int, options: argparse.Namespace, minutes: float) -> str:
    examined, results = results, [result for result in results if result.holds]
    kinds = {kind: len(measures.of_kind(results, kind)) for kind in ("fault", "decoy", "healthy")}
    lines = [
        f"The doctor on the {options.part} part: {len(examined)} of {asked} cases in {minutes:.1f} minutes: "
        f"{kinds['fault']} harmful faults, {kinds['decoy']} harmless ones, {kinds['healthy']} tricky healthy runs",
        f"{len(examined) - len(results)} are left out: trained here, the run does no longer what it was chosen for. "
        f"With them: found {measures.written(measures.found(examined))}, "
        f"false alarms {measures.written(measures.false_alarms(examined))}",
        "",
        f"{'figure':36} {'best published':28} {'goal':9} ours [95 % interval]",
    ]
    for figure in measures.figures(results):
        skipped = options.no_treatment and figure.name in ("repaired (curable, 3 patches)", "first patch repairs")
        text = "not measured" if skipped else measures.written(figure.ours)
        short = "" if skipped or figure.reached(figure.ours.value) else "   FALLS SHORT"
        if not figure.ours.of and not skipped:
            short = ""
        lines.append(f"{figure.name:36} {figure.published:28} {figure.goal:9} {text}{short}")
    lines += [
        f"{'cost of the logging that it needs':36} {'1 % (AT), 28 % (Cockpit)':28} {'1.5 %':9} "
        "see `python script/benchmark.py logging`",
        "",
        f"right rule among the findings         {measures.written(measures.found_by_its_rule(results))}",
        f"false alarms on harmless faults       {measures.written(measures.false_alarms_on_decoys(results))}",
        f"a diagnosis takes                     {seconds_of(results)}",
    ]
    failed = [result for result in results if result.error]
    if failed:
        lines += ["", f"the doctor raised on {len(failed)} runs; the first, {failed[0].case.id}:", failed[0].error]
    lines += ["", f"{'the same runs, judged by others':36} {'found':28} {'false alarms':28} cause first (generously)"]
    for name in BASELINES:
        told = measures.baseline_figures(results, name)
        cells = [measures.written(told[key]) for key in ("found", "false alarms", "cause first")]
        lines.append(f"{name:36} {cells[0]:28} {cells[1]:28} {cells[2]}")
    first, of_three = measures.random_patch(results)
    if first.of:
        lines.append(
            f"{'random patch':36} repairs at once {measures.written(first)}, within three {measures.written(of_three)}"
        )
    lines += ["", *reliability.table(reliability.of_results(results))]
    if options.part != "reported" or options.confusion:
        lines += ["", "planted, and what was named first (critical):", *measures.confusion(results)]
        lines += ["", "called sick without harm:", *measures.alarms_by_control(results)]
    return "\n".join(lines)


def seconds_of(results: Sequence[Result]) -> str:
    times = [result.seconds for result in results]
    return f"{np.median(times):.2f} s (median), {max(times):.2f} s (longest)" if times else "none"


if __name__ == "__main__":
    sys.exit(main())
