"""Every key of a config: its type, bounds, default and meaning.

To add a key, add a line to its section. Checks, error messages, the editor's JSON Schema
(`python -m nn_scratch.config.json_schema` regenerates it) and the param.yaml of a run follow from it. The parameters of
layers, activations, optimizers and other parts are declared in their classes' signatures; `PartOf` refers to them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from typing_extensions import Doc

from nn_scratch.config.document import Document
from nn_scratch.config.origins import Origin
from nn_scratch.config.parts import Named, ParametersOf, PartOf
from nn_scratch.config.section import Section, Text, refuse
from nn_scratch.config.sweep import Sweep
from nn_scratch.config.value_schema import join
from nn_scratch.data.sources import SOURCES
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES

__all__ = ["Config", "Data", "Diagnose", "EarlyStopping", "Log", "Regularize", "Split", "Train"]


def written(default: Any) -> Any:
    """A default as a config would have it; the schema validates it as it does a written value."""
    return Field(default=default)


def not_reserved(name: str) -> str:
    """Refuse the device names of Windows, with any suffix after the first dot."""
    device = name.split(".")[0].upper()
    if device in {"CON", "PRN", "AUX", "NUL"} or (device[:3] in {"COM", "LPT"} and device[3:] in set("123456789")):
        refuse(f"{name!r} is no folder on Windows, which keeps the name for a device; write 'run-{name}', say")
    return name


FolderName = Annotated[
    str,
    Text(
        "folder name (1 to 64 of the letters a to z, digits, '.', '_', '-', the first a letter or digit)",
        r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$",
    ),
    AfterValidator(not_reserved),
]
DataPath = Annotated[str, Text("path, with a '.' or '/' in it (table.csv, ./folder)", r"[./\\]")]

Share = Annotated[float, Interval(ge=0, le=1)]
Penalty = Annotated[float, Ge(0)]


class Split(Section):
    train: Annotated[float, Interval(gt=0, le=1), Doc("share of the rows that are trained on")] = 0.7
    val: Annotated[Share, Doc("share for validation: watched while training, never trained on")] = 0.15
    test: Annotated[Share, Doc("share for the test: looked at once, at the end")] = 0.15
    by: Annotated[
        str | int | None,
        Doc(
            "column of a file whose equal values are never parted, such as a patient; dates or times: the first rows "
            "in time train, the last are the test; null: every row by itself"
        ),
    ] = None
    folds: Annotated[
        Annotated[int, Interval(ge=2, le=1000)] | None,
        Doc("number of folds of which one is the test, instead of its share (train --folds runs all); null: none"),
    ] = None
    fold: Annotated[int, Interval(ge=1, le=1000), Doc("which of the folds is the test, from 1")] = 1

    @model_validator(mode="after")
    def _sum(self) -> Split:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            shares = " + ".join(f"{share:g}" for share in (self.train, self.val, self.test))
            refuse(f"train + val + test is {shares} = {total:.6g}; make it 1")
        if self.folds is not None and self.fold > self.folds:
            refuse(f"{self.fold} of {self.folds} folds (folds); write 1 to {self.folds}", "fold")
        return self


class Data(Section):
    source: Annotated[
        Named | DataPath,
        PartOf(SOURCES),
        Doc(
            "the rows: a built-in data set by name, or the path of a .csv, .jsonl, .parquet, .xlsx, .npz, .npy or a "
            "folder of IDX files"
        ),
    ] = written("digits")
    test_source: Annotated[
        Named | DataPath | None,
        PartOf(SOURCES),
        Doc("rows of their own for the test; null: a share of the source's (IDX folders bring theirs)"),
    ] = None
    target: Annotated[
        str | int | Annotated[list[str | int], MinLen(1)] | None,
        Doc("the column of a file to predict, by name or by number from 0; a list: several; null: the last"),
    ] = None
    ignore: Annotated[list[str], Doc("columns of a file that are left out")] = written([])
    weight: Annotated[
        str | int | None,
        Doc(
            "how much each row counts in the loss: a column of a file, or an array of an .npz, by name; null: all alike"
        ),
    ] = None
    task: Annotated[
        Literal["auto", "classification", "regression", "multi_label"],
        Doc(
            "auto: classification if the target is text or whole numbers that are no quantity, else regression; "
            "multi_label: targets of 0 and 1, each a label of its own (auto with binary_cross_entropy and a list)"
        ),
    ] = "auto"
    columns: Annotated[
        dict[str, Literal["text", "date", "number", "ignore"]],
        Doc("types of columns of a file, by name; the others' types are found"),
    ] = written({})
    na_values: Annotated[
        list[str | int | float],
        Doc("what stands for a missing value in a file, in addition to NA, NaN, null, ? and -"),
    ] = written([])
    decimal: Annotated[
        Literal["auto", ".", ","], Doc("decimal separator of the numbers in a file; auto: inferred from them")
    ] = "auto"
    labels: Annotated[
        Literal["merge", "exact"],
        Doc("merge: labels that differ only in case or outer spaces are one class; exact: each is its own"),
    ] = "merge"
    missing: Annotated[
        Literal["auto", "error", "drop", "mean"],
        Doc(
            "missing values: auto (numbers: mean of the training rows, marked where informative; text: a "
            "category), error (refuse the data), drop (leave out their rows), mean (of the training rows)"
        ),
    ] = "auto"
    split: Annotated[Split, Doc("shares of the rows; they sum to 1")] = Split()
    shuffle: Annotated[bool, Doc("whether rows change places before the split")] = True
    stratify: Annotated[bool, Doc("whether each part gets the classes in the same shares (needs shuffle)")] = True
    scale: Annotated[
        Literal["standard", "minmax", "none"],
        Doc("features, measured on the training rows alone: standard to mean 0 and std 1, minmax to [0, 1]"),
    ] = "standard"
    target_scale: Annotated[
        Literal["standard", "minmax", "none"],
        Doc("the target of a regression, likewise; scores are reported in its own units"),
    ] = "standard"


class Regularize(Section):
    l1: Annotated[Penalty, Doc("factor of Σ|W|, a penalty on weights that drives them to 0")] = 0.0
    l2: Annotated[Penalty, Doc("factor of ½ Σ W², a penalty on weights that keeps them small")] = 0.0
    max_norm: Annotated[
        float | None,
        Gt(0),
        Doc("largest norm of the weights into a unit of a dense layer, after each step; null: none"),
    ] = None
    clip_norm: Annotated[float | None, Gt(0), Doc("largest norm of the whole gradient; null: no clipping")] = None
    clip_value: Annotated[
        float | None, Gt(0), Doc("largest entry of the gradient, either sign; before clip_norm; null: no clipping")
    ] = None


class EarlyStopping(Section):
    monitor: Annotated[
        Literal[
            "val_loss",
            "val_accuracy",
            "val_balanced_accuracy",
            "val_rmse",
            "val_r2",
            "val_exact_match",
            "train_loss",
            "train_accuracy",
            "train_balanced_accuracy",
            "train_rmse",
            "train_r2",
            "train_exact_match",
        ],
        Doc("the column of metrics.csv that must go on getting better: losses and rmse fall, the others rise"),
    ] = "val_loss"
    patience: Annotated[int, Interval(ge=1, le=1_000_000), Doc("epochs without a new best before training stops")] = 10
    restore_best: Annotated[bool, Doc("whether the model is that of the best epoch, not of the last")] = True
    min_delta: Annotated[float, Ge(0), Doc("how much better a new best must be")] = 0.0


class InitFrom(Section):
    run: Annotated[str, Doc("the earlier run: the name of its folder under outputs/, or a path")]
    parameters: Annotated[
        Annotated[list[str], MinLen(1)] | None,
        Doc("which to take, of the same names here: whole layers (hidden_1) or single ones (hidden_1.W); null: all"),
    ] = None


class Train(Section):
    epochs: Annotated[int, Interval(ge=1, le=1_000_000), Doc("passes over the training rows")] = 60
    batch_size: Annotated[
        Annotated[int, Interval(ge=1, le=10_000_000)] | Annotated[float, Interval(gt=0, le=1)],
        Doc("rows a batch, more than there are: all; or with a point the share of the training rows: 0.1, 1.0"),
    ] = 32
    accumulate: Annotated[
        int, Interval(ge=1, le=1_000_000), Doc("batches a step: the gradient is that of the mean over all their rows")
    ] = 1
    shuffle: Annotated[bool, Doc("whether each epoch takes the rows in a new order")] = True
    ema_decay: Annotated[
        float | None,
        Interval(ge=0, lt=1),
        Doc(
            "share kept each step of the weights' exponential moving average, which is scored, logged and saved; "
            "null: none"
        ),
    ] = None
    early_stopping: Annotated[EarlyStopping | None, Doc("when to stop before the last epoch; null: never")] = None
    dtype: Annotated[Literal["float32", "float64"], Doc("precision of all numbers")] = "float32"
    threads: Annotated[
        Literal["auto"] | Annotated[int, Interval(ge=1, le=1024)],
        Doc("threads of the matrix products; auto: as many as pay at these widths"),
    ] = "auto"


class Log(Section):
    every: Annotated[int, Interval(ge=1, le=1_000_000), Doc("epochs between two rows of the tensors' logs")] = 1
    weights: Annotated[bool, Doc("whether to keep every parameter's values")] = True
    gradients: Annotated[bool, Doc("whether to keep every parameter's gradient on the probe rows")] = True
    activations: Annotated[bool, Doc("whether to keep each dense layer's outputs on the probe rows")] = True
    optimizer: Annotated[
        Literal["auto"] | bool,
        Doc(
            "whether to keep what the optimizer saw and did in the last step of the first, best, last and every tenth "
            "logged epoch; auto: of networks of up to 50,000 parameters"
        ),
    ] = "auto"
    probe_rows: Annotated[
        int, Interval(ge=1, le=1_000_000), Doc("training rows, the same all along, on which the above are measured")
    ] = 256
    max_megabytes: Annotated[
        int, Interval(ge=1, le=1_000_000_000), Doc("size of the tensors' logs; to keep within it, epochs are left out")
    ] = 500


class Diagnose(Section):
    budget: Annotated[
        int | None,
        Interval(ge=0, le=1_000_000_000),
        Doc(
            "training steps that a diagnosis may spend on short retraining with and without a change; "
            "null: as many as the run took, and at most some 10 s; 0: never"
        ),
    ] = None
    fix_budget: Annotated[
        int | None,
        Interval(ge=1, le=1_000_000_000_000),
        Doc(
            "training steps that diagnose.py --fix may spend on all candidates together; null: as many as take some "
            "3 minutes of one core, by counted work, and at least six times as many as the run took"
        ),
    ] = None


class Config(Section):
    """Everything that a run depends on, apart from the data itself, the machine and the versions of the libraries."""

    _origin: Origin | None = PrivateAttr(default=None)

    name: Annotated[FolderName, Doc("the run is outputs/<name>-001, -002, ...")] = "digits"
    seed: Annotated[
        int, Interval(ge=0, le=2**32 - 1), Doc("of all that is drawn: split, initial weights, order of rows, dropout")
    ] = 42
    data: Annotated[Data, Doc("what is learned from")] = Data()
    layers: Annotated[list[Annotated[Named, PartOf(LAYERS)]], Doc("the hidden layers, in order")] = written(
        [
            {"type": "dense", "units": 128, "activation": "relu", "init": "he_normal"},
            {"type": "dropout", "rate": 0.1},
            {"type": "dense", "units": 64, "activation": "relu"},
        ]
    )
    output: Annotated[
        Named,
        ParametersOf(
            LAYERS,
            "dense",
            without={"units": "the number of outputs follows from the data"},
            instead={
                "activation": (
                    Annotated[
                        Literal["auto"] | Named,
                        PartOf(ACTIVATIONS),
                        Doc("applied before the loss; auto: none, as the losses expect"),
                    ],
                    "auto",
                )
            },
        ),
        Doc("the last layer, dense, with as many units as the target needs"),
    ] = written({})
    init_from: Annotated[
        InitFrom | None,
        Doc("an earlier run whose trained weights the network starts with; null: all weights are drawn"),
    ] = None
    loss: Annotated[
        Literal["auto"] | Named,
        PartOf(LOSSES),
        Doc("what training makes small; auto: cross_entropy for classes, mse for numbers"),
    ] = "auto"
    class_weight: Annotated[
        Literal["balanced"] | dict[str, Annotated[float, Gt(0)]] | None,
        Doc("weight of each class's rows in the loss: by label, or balanced: the rarer the heavier; null: all alike"),
    ] = None
    optimizer: Annotated[Named, PartOf(OPTIMIZERS, otherwise="adam"), Doc("how a gradient becomes an update")] = (
        written({"type": "adam", "lr": 0.001})
    )
    schedule: Annotated[
        Named, PartOf(SCHEDULES, otherwise="constant"), Doc("how the learning rate changes over the course of training")
    ] = written("constant")
    regularize: Annotated[Regularize, Doc("what keeps weights and steps small")] = Regularize()
    train: Annotated[Train, Doc("how long, in what portions, and with what arithmetic")] = Train()
    log: Annotated[Log, Doc("what is kept of every epoch")] = Log()
    diagnose: Annotated[Diagnose, Doc("how far a diagnosis goes")] = Diagnose()
    sweep: Annotated[
        Sweep | None, Doc("settings that script/sweep.py tries one by one; train.py has no use for it")
    ] = None

    @property
    def origin(self) -> Origin | None:
        """Where the keys were written; None for a config that was never written down."""
        return self._origin

    def written_in(self, document: Document) -> Config:
        """Keep the places of the keys, for errors that show later."""
        self._origin = Origin(document) if document.values else None
        return self

    @model_validator(mode="after")
    def _makes_sense(self) -> Config:
        """Refuse contradictions; advice.py warns of questionable choices."""
        task = self.data.task
        stopping = self.train.early_stopping
        if task != "auto" and isinstance(self.loss, Named) and task not in LOSSES[self.loss.type].kinds:
            fitting = [name for name in LOSSES if task in LOSSES[name].kinds]
            refuse(f"{self.loss.type} is no loss for {task} (data.task); write {join(fitting)}", "loss")
        if task in ("regression", "multi_label") and self.class_weight is not None:
            refuse(f"a {task} (data.task) has no classes to weigh; write null", "class_weight")
        loss = LOSSES[self.loss.type] if isinstance(self.loss, Named) else None
        if loss is not None and loss.needs_counts and self.data.target_scale == "standard":
            refuse(
                f"standard makes targets negative, and {loss.registered_name} (loss) needs counts; write none",
                "data",
                "target_scale",
            )
        if stopping is not None:
            place = ("train", "early_stopping", "monitor")
            if stopping.monitor.startswith("val_") and self.data.split.val == 0:
                refuse(
                    f"there is no {stopping.monitor} with data.split.val: 0; write train_loss, or split off rows",
                    *place,
                )
            measured = {
                "accuracy": ("classification", "multi_label"),
                "balanced_accuracy": ("classification",),
                "rmse": ("regression",),
                "r2": ("regression", "multi_label"),
                "exact_match": ("multi_label",),
            }
            needs = measured.get(stopping.monitor.partition("_")[2], (task,))
            if task not in ("auto", *needs):
                refuse(f"there is no {stopping.monitor} in a {task} (data.task); write val_loss", *place)
        return self
