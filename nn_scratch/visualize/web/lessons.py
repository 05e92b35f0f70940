"""The site of lessons: every fault of the zoo broken beside mended, and the cheat sheet as its front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nn_scratch.runs.files import make_folder, write_bytes
from nn_scratch.visualize.web.page import digest

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2129; --dim: #5a6372; --rule: #dfe3e8; --link: #0062a3; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1e24; --ink: #e8eaee; --dim: #a9b1bd; --rule: #3a404b;
  --link: #7cc0ff; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1500px;
  margin: 0 auto; padding: 1.2rem; }
a { color: var(--link); } h1 { margin: 0 0 .4rem; } .dim { color: var(--dim); } img { max-width: 100%; height: auto; }
.words { max-width: 65em; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
iframe { width: 100%; height: 80vh; border: 1px solid var(--rule); border-radius: 8px; }
pre { border: 1px solid var(--rule); border-radius: 8px; padding: .7rem; white-space: pre-wrap; }
.lessons { display: grid; grid-template-columns: repeat(auto-fill, minmax(19em, 1fr)); gap: .9rem; padding: 0; }
.lessons li { list-style: none; border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .9rem; }
@media (max-width: 900px) { .pair { grid-template-columns: 1fr; } }
"""
POLICY = "default-src 'none'; style-src 'sha256-{style}'; img-src 'self' file:; frame-src 'self' file:; base-uri 'none'"


@dataclass(frozen=True)
class Lesson:
    """What is taught of one fault. see: what to look at; why: the cause; question: for the reader to try."""

    title: str
    see: str
    why: str
    question: str


LESSONS = {
    "class_imbalance": Lesson(
        "One class drowns the others",
        "High accuracy, and in the Classes view a column that takes nearly every row: the rare class is never named.",
        "The loss is a mean over rows, so that many rows of one class outvote the few of another.",
        "Which score tells the two runs apart: accuracy, or balanced accuracy? Why?",
    ),
    "constant_init": Lesson(
        "All units start alike",
        "In the Weights view all columns of the first layer are the same, and stay the same at every epoch.",
        "Units with equal weights get equal gradients: nothing ever makes them differ.",
        "How many units does the broken network have in effect?",
    ),
    "dead_relu": Lesson(
        "Units that died",
        "In the Unit view the share of rows on which a unit is active falls to 0 and does not come back.",
        "A ReLU whose sum is negative on every row passes no gradient: its weights can no longer change.",
        "Open the chain rule of a weight into a dead unit. Which factor is 0?",
    ),
    "exploding_gradient": Lesson(
        "Gradients that explode",
        "The loss leaps or is no number at all; gradients grow from the output towards the input.",
        "Each layer multiplies the derivative; where the factors are above 1 they grow with depth.",
        "In which layer is the gradient largest, and why there?",
    ),
    "frozen_layer": Lesson(
        "A layer that does not train",
        "In the Weights view, 'moved since the first epoch' is 0 everywhere in one layer.",
        "Its parameters are declared not trainable, so that it stays what it was at the start.",
        "When would one freeze a layer on purpose?",
    ),
    "init_too_large": Lesson(
        "Initial weights too large",
        "The loss at epoch 0 is far above that of guessing; activations are huge.",
        "Sums of many large terms are large: the network begins very sure, and wrong.",
        "What does the first epoch spend its steps on?",
    ),
    "init_too_small": Lesson(
        "Initial weights too small",
        "Nothing moves at first: activations and gradients are close to 0 in every layer.",
        "Each layer shrinks the signal; what arrives at the output is the same for every row.",
        "Compare the activations of the last hidden layer at epoch 0 in both runs.",
    ),
    "label_noise": Lesson(
        "Labels that are wrong",
        "The validation loss rises while the training loss falls: wrong labels are memorized.",
        "Rows with wrong labels can be learned only one by one, at the cost of what holds for others.",
        "In the One row view, look at the worst rows. Would you have said what their label says?",
    ),
    "leakage": Lesson(
        "An input that gives the answer away",
        "A score that is too good, early; one input has by far the largest weights.",
        "A column holds the target, or something known only afterwards; on new rows it will not be there.",
        "Which input would you not have at the time of the prediction?",
    ),
    "lr_too_high": Lesson(
        "Steps too long",
        "The loss leaps up and down instead of falling.",
        "A step along the gradient is right only close by; a long one lands on the other side, higher up.",
        "Multiply the rate by 0.1 and by 0.01. Which is too low?",
    ),
    "lr_too_low": Lesson(
        "Steps too short",
        "Smooth, nearly straight curves that still fall at the last epoch.",
        "Every step is in the right direction and goes nearly nowhere.",
        "How many epochs would this rate need to reach the mended run's loss?",
    ),
    "noisy_batches": Lesson(
        "Batches too small",
        "A loss that trembles from epoch to epoch around a value it does not leave.",
        "The gradient of a few rows is a poor estimate of that of all; at a high rate the noise decides.",
        "What else than a larger batch would calm it?",
    ),
    "over_regularized": Lesson(
        "Held back too much",
        "Training and validation loss are both poor, and the weights shrink towards 0.",
        "The penalty on weights weighs more than the data.",
        "At which l2 do the two runs meet?",
    ),
    "overfit": Lesson(
        "Learned by rote",
        "The training loss falls to 0 while the validation loss turns and rises.",
        "There are enough weights to remember every row; what is remembered does not carry over.",
        "At which epoch would you have stopped?",
    ),
    "saturated": Lesson(
        "Units at their limits",
        "Activations sit at the ends of their range; gradients are next to nothing.",
        "Where a sigmoid or tanh is flat its derivative is near 0, and so is every gradient through it.",
        "What are z and f'(z) of such a unit in the chain rule?",
    ),
    "sorted_data": Lesson(
        "Rows in order",
        "The loss swings within each epoch; the network forgets one class while it learns the next.",
        "Batches of a single class pull all weights towards that class.",
        "Why does shuffling every epoch help, when the rows are the same?",
    ),
    "split_mismatch": Lesson(
        "Validation rows of another kind",
        "Training goes well and validation is poor from the first epoch.",
        "The rows that are validated on come from elsewhere than those that are trained on.",
        "Which input differs most between the parts?",
    ),
    "too_few_epochs": Lesson(
        "Stopped too early",
        "Both losses still fall when training ends.",
        "Nothing is wrong but the number of epochs.",
        "How can early stopping choose the number for you?",
    ),
    "underfit": Lesson(
        "Too small a network",
        "Training and validation are equally poor, and settle early.",
        "A straight line, or a few units, cannot follow the data.",
        "How many units does it take? Try one fewer.",
    ),
    "unscaled_inputs": Lesson(
        "Inputs of very different size",
        "The weights of one input do all the work; the loss falls slowly or leaps.",
        "One rate serves all weights: right for inputs near 1, it is far too high for inputs in the thousands.",
        "Which weights have the largest gradients, and which input do they belong to?",
    ),
    "vanishing_gradient": Lesson(
        "Gradients that vanish",
        "Gradients get smaller, layer by layer, towards the input; the first layers hardly move.",
        "Each layer multiplies the derivative by less than 1.",
        "By which factor does the gradient shrink from one layer to the one before?",
    ),
    "wrong_loss_output": Lesson(
        "Loss and output do not fit",
        "The loss cannot fall below a floor, whatever the weights.",
        "The output activation keeps the network from giving the answers that the loss asks for.",
        "Which outputs can the broken network not produce?",
    ),
}


@dataclass(frozen=True)
class Trained:
    """One lesson as it was trained: the doctor's sentence, and the change that mends it as lines of a difference."""

    rule: str
    verdict: str
    mended_verdict: str
    difference: tuple[str, ...]
    why: str


def write_site(folder: Path, lessons: Sequence[Trained], shapes: Sequence[tuple[str, str]], sheet: str | None) -> None:
    """The front and every lesson's page; the runs' own pages are there already. sheet: the cheat sheet's file."""
    make_folder(folder)
    for number, trained in enumerate(lessons):
        make_folder(folder / trained.rule)
        after = lessons[number + 1].rule if number + 1 < len(lessons) else None
        write_bytes(folder / trained.rule / "index.html", lesson_page(trained, after).encode())
    items = "".join(
        f'<li><a href="{escape(one.rule)}/index.html">{escape(LESSONS[one.rule].title)}</a>'
        f'<br><span class="dim">{escape(LESSONS[one.rule].see)}</span></li>'
        for one in lessons
    )
    known = "".join(f"<dt>{escape(name)}</dt><dd>{escape(see)}</dd>" for name, see in shapes)
    picture = (
        f'<p><img src="{escape(sheet)}" alt="loss, update ratios, gradients and units of nine runs, row by row"></p>'
        if sheet
        else ""
    )
    body = (
        "<h1>Why networks do not learn</h1>"
        '<p class="words">Each lesson is a network that was trained and did not learn, beside one that differs by the '
        "line that mends it. Both can be touched: move the epoch, open a weight, follow a row.</p>"
        f'<h2>Lessons</h2><ul class="lessons">{items}</ul>'
        f"<h2>Nine shapes to know</h2>{picture}<dl>{known}</dl>"
    )
    write_bytes(folder / "index.html", document("Why networks do not learn", body).encode())


def lesson_page(trained: Trained, after: str | None) -> str:
    lesson = LESSONS[trained.rule]
    following = f' · <a href="../{escape(after)}/index.html">next: {escape(LESSONS[after].title)}</a>' if after else ""
    frames = "".join(
        f'<section><h3>{title}: {escape(verdict)}</h3><p><a href="{name}.html">the page alone</a></p>'
        f'<iframe src="{name}.html" title="the {name} run" loading="lazy"></iframe></section>'
        for name, title, verdict in (
            ("broken", "Broken", trained.verdict),
            ("mended", "Mended", trained.mended_verdict),
        )
    )
    difference = "\n".join(trained.difference)
    body = (
        f'<p><a href="../index.html">all lessons</a>{following}</p><h1>{escape(lesson.title)}</h1>'
        f'<div class="words"><p><b>What you see.</b> {escape(lesson.see)}</p><p><b>Why.</b> {escape(lesson.why)}</p>'
        f"<p><b>The line that mends it.</b> {escape(trained.why)}</p><pre>{escape(difference)}</pre>"
        f'<p><b>A question.</b> {escape(lesson.question)}</p></div><div class="pair">{frames}</div>'
    )
    return document(lesson.title, body)


def document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(style=digest(STYLE))}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
