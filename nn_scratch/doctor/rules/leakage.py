"""Leakage: features that are known only once the target is (Kaufman et al. 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from nn_scratch.data.card import alike_by_chance
from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import HARM, number
from nn_scratch.doctor.features import Features, ramp
from nn_scratch.doctor.patches import without_column, without_columns
from nn_scratch.doctor.rule import rule

KNOWN = "the network learns from columns that are known for new rows"


@rule(
    "leakage",
    stage="data",
    source="Kaufman et al. 2012, Leakage in data mining",
    explains=("split_mismatch", "overfit", "underfit", "too_few_epochs", "label_noise", "class_imbalance"),
)
def leakage(f: Features) -> Suspicion | None:
    """A column that holds the target, or held-out rows that also stand among the training rows."""
    case = f.case
    end = case.signals.get("end") or {}
    copied, later = end.get("copied_target"), end.get("giveaway") or {}
    if copied:
        return of_copied_target(f, copied)
    if later and number(later["val"]) - number(later["test"]) > HARM:
        return of_later_rows(f, later)
    found, ordered = end.get("telling_columns"), end.get("row_order")
    along = [ordered["column"]] if ordered else []
    if found and found["columns"] != along:
        return of_telling_columns(f, found)
    if ordered and (suspicion := of_row_order(f, ordered)) is not None:
        return suspicion
    if found:
        return of_telling_columns(f, found)
    return of_repeated_rows(f, end.get("repeated_rows") or {})


def of_copied_target(f: Features, copied: dict[str, Any]) -> Suspicion:
    """A column that is the target, up to noise or another name for its values: the score on new rows is that of the
    other columns. Arrays without column names are often made so on purpose, which deserves no more than a warning."""
    case = f.case
    column, without = copied["column"], number(copied.get("without"))
    how = {
        "share": "determines the class of {:.1%} of the rows",
        "ratio": "varies between the classes with {:.1%} of its variance",
        "r2": "explains {:.1%} of the target's variance",
    }[copied["kind"]].format(copied["value"])
    unused = case.held_score < without - HARM  # the run scores too low to be using the leaked target
    # data that are drawn are made so on purpose; arrays have no names that say more of a column than what it does
    drawn = str(case.card["origin"]).startswith("built in")
    # and where no other column is informative, that one column is what is to be learned
    confirmed = case.held_score - without > HARM and without > case.chance + HARM
    unconfirmed = is_array(case.card) and not confirmed
    return Suspicion(
        "leakage",
        1.0,
        "data",
        f"the column {column!r} {how}: it is the target or made from it, so the score will not be met on rows where "
        "the target is not known yet"
        + (f"; without it a plain model reaches {without:.3f}" if isfinite(without) else ""),
        evidence={
            "column": column,
            copied["kind"]: copied["value"],
            "threshold": copied["limit"],
            "score_without_it": without,
            "exact": copied["exact"],
        },
        patches=(Patch(without_column(f, column), KNOWN),),
        cost=case.held_score - without if isfinite(without) else None,
        certain=True,
        most="warning" if unused or drawn or unconfirmed else "critical",
    )


def is_array(card: Mapping[str, Any]) -> bool:
    return str(card["origin"]).endswith((".npz", ".npy"))


def of_telling_columns(f: Features, found: dict[str, Any]) -> Suspicion:
    """One column, or two, that predict the target all but exactly, and without which a plain model does not."""
    case = f.case
    columns, without = found["columns"], number(found["without"])
    names = " and ".join(repr(name) for name in columns)
    one = len(columns) == 1
    made = str(case.card["origin"]).startswith("built in") or is_array(case.card)  # so on purpose, as far as is known
    return Suspicion(
        "leakage",
        0.9,
        "data",
        f"{'the column' if one else 'the columns'} {names} {'alone predicts' if one else 'by themselves predict'} the "
        f"target ({number(found['score']):.3f}), and all others together do not ({without:.3f}): "
        f"{'is it' if one else 'are they'} known before the target is, or made from it?",
        evidence={"columns": columns, "score_alone": found["score"], "model": found["how"], "score_without": without},
        patches=(Patch(without_columns(f, columns), KNOWN),),
        cost=case.held_score - without,
        most="warning" if made or case.held_score < without - HARM else "critical",
        testable=False,  # retraining without what gives the target away scores lower, as it should
    )


def of_row_order(f: Features, found: dict[str, Any]) -> Suspicion | None:
    """A column that runs with the rows, whose neighbours have similar targets: a count of them, or time."""
    case = f.case
    random, later, without = (number(found[key]) for key in ("random", "later", "without"))
    column = found["column"]
    evidence = {key: found[key] for key in ("column", "correlation", "random", "later", "without")}
    if found["counts"] and random - without > HARM:
        return Suspicion(
            "leakage",
            0.9,
            "data",
            f"{column!r} numbers the rows, which stand in an order that has to do with the target: with it a plain "
            f"model reaches {random:.3f}, without it {without:.3f}, and new rows have other numbers",
            evidence=evidence,
            patches=(Patch(without_column(f, column), KNOWN),),
            cost=case.held_score - without,
            testable=False,
        )
    if not found["counts"] and random - later > HARM:
        return Suspicion(
            "leakage",
            0.7,
            "data",
            f"the rows run with {column!r}, and each one's target resembles that of the row before: rows left out at "
            f"random are predicted with {random:.3f}, the last ones from the earlier ones with {later:.3f}",
            evidence=evidence,
            patches=(Patch({"data.shuffle": False}, "the last rows validate and test, as later rows will"),),
            cost=random - later,
            most="warning",
            testable=False,
        )
    return None


def of_later_rows(f: Features, found: dict[str, Any]) -> Suspicion:
    """A feature that predicts the target in the rows of train and val, and not in the test rows, which come later."""
    case = f.case
    lost = case.part_score("val") - case.part_score("test")
    return Suspicion(
        "leakage",
        ramp(number(found["val"]) - number(found["test"]), 0.05, 0.25),
        "data",
        f"{found['feature']!r} predicts the target in the rows that are trained on, and not in the test rows: it is "
        "not known before the target is",
        evidence={
            "feature": found["feature"],
            "score_alone_on_val": found["val"],
            "score_alone_on_test": found["test"],
            "network_on_val": case.part_score("val"),
            "network_on_test": case.part_score("test"),
        },
        patches=(Patch(without_column(f, found["feature"]), KNOWN),),
        cost=lost - 1.5 * case.standard_error,
        testable=False,  # retraining is measured on val and test together, which hides the difference
    )


def of_repeated_rows(f: Features, repeated: dict[str, list[int]]) -> Suspicion | None:
    """Held-out rows that equal training rows, weighed by what the score is without them."""
    case = f.case
    found = case.card["duplicates"]
    leaked = int(found["val_in_train"]) + int(found["test_in_train"])
    if leaked < 5 or leaked < 0.05 * case.held_rows or alike_by_chance(found):
        return None
    others = case.score_without(repeated)
    inflated = case.held_score - others
    if not inflated > 2 * case.standard_error:
        return None
    return Suspicion(
        "leakage",
        0.7,
        "data",
        f"{leaked} of {case.held_rows} held-out rows equal training rows; without them the score is {others:.3f} and "
        f"not {case.held_score:.3f}",
        evidence={"leaked_rows": leaked, "held_rows": case.held_rows, "score_of_other_rows": others},
        cost=inflated,
        most="warning",
        testable=False,
    )
