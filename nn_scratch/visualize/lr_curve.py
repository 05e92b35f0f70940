"""The curve of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path

from nn_scratch.experiments.lr_range_test import RangeTest
from nn_scratch.runs.files import write_whole
from nn_scratch.visualize.palette import SERIES, theme
from nn_scratch.visualize.style import DPI, Sheet, drawing, log_axis


def draw(test: RangeTest, title: str, path: Path) -> None:
    """The curve as a PNG."""
    with drawing():
        sheet = Sheet(
            "Learning-rate range test",
            title,
            "the stretch where the loss falls steadily: a rate there learns; to the right, where it rises, steps are "
            "too long",
        )
        ((axes,),) = sheet.grid(1, 1, height=4.6)
        axes.semilogx(test.rates, test.losses, color=theme().grey, linewidth=0.8, alpha=0.6, label="loss of each batch")
        axes.semilogx(test.rates, test.smoothed, color=SERIES, label="smoothed")
        if test.suggestion is not None:
            axes.axvline(test.suggestion, color=theme().ink, linestyle="--", label=f"suggestion: {test.suggestion:g}")
        log_axis(axes.xaxis)
        axes.set_xlabel("learning rate, risen by a constant factor a step")
        axes.set_ylabel("training loss before the step")
        axes.legend(loc="best")
        figure = sheet.finish()
        write_whole(path, lambda file: figure.savefig(file, format="png", dpi=DPI))
