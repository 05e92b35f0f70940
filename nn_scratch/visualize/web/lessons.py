"""The lesson of each fault of the zoo, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """The lesson of one fault.

    state: where a page shows it, as in its address. see: what to look at; why: the cause; question: for the reader.
    """

    title: str
    state: str
    see: str
    why: str
    question: str


LESSONS = {
    "class_imbalance": Lesson(
        "Class imbalance",
        "v=classes",
        "High accuracy, but in the Classes view one column holds nearly every row: the rare class is never predicted.",
        "The loss is a mean over rows, so that the many rows of one class outweigh the few of another.",
        "Which score differs between the two runs: accuracy, or balanced accuracy? Why?",
    ),
    "constant_init": Lesson(
        "Constant initialization",
        "v=weights&k=W",
        "In the Weights view all columns of the first layer are the same, and stay the same at every epoch.",
        "Units with equal weights get equal gradients, so that they stay equal: the symmetry is never broken.",
        "How many units does the broken network have in effect?",
    ),
    "dead_relu": Lesson(
        "Dead ReLU units",
        "v=unit",
        "In the Unit view the share of rows on which a unit is active falls to 0 and does not come back.",
        "A ReLU whose sum is negative on every row passes no gradient: its weights can no longer change.",
        "Open the chain rule of a weight into a dead unit. Which factor is 0?",
    ),
    "exploding_gradient": Lesson(
        "Exploding gradients",
        "v=weights&k=G",
        "The loss jumps or is not a finite number; gradients grow from the output towards the input.",
        "Each layer multiplies the derivative; where the factors are above 1 they grow with depth.",
        "In which layer is the gradient largest, and why there?",
    ),
    "frozen_layer": Lesson(
        "A frozen layer",
        "v=weights&k=M",
        "In the Weights view, 'change since epoch 0' is 0 everywhere in one layer.",
        "Its parameters are declared not trainable, so that it stays what it was at the start.",
        "When would one freeze a layer on purpose?",
    ),
    "init_too_large": Lesson(
        "Initial weights too large",
        "v=weights&k=W",
        "The loss at epoch 0 is far above that of guessing; activations are huge.",
        "Sums of many large terms are large: the network starts with confident, wrong predictions.",
        "What does the first epoch spend its steps on?",
    ),
    "init_too_small": Lesson(
        "Initial weights too small",
        "v=weights&k=W",
        "The weights hardly change at first: activations and gradients are close to 0 in every layer.",
        "Each layer shrinks the signal; what arrives at the output is the same for every row.",
        "Compare the activations of the last hidden layer at epoch 0 in both runs.",
    ),
    "label_noise": Lesson(
        "Label noise",
        "v=row",
        "The validation loss rises while the training loss falls: wrong labels are memorized.",
        "Rows with wrong labels can only be memorized one by one, which costs accuracy on new rows.",
        "In the One row view, look at the worst rows. Do you agree with their labels?",
    ),
    "leakage": Lesson(
        "Target leakage",
        "v=weights&k=W",
        "A score that is suspiciously good after few epochs; one input has by far the largest weights.",
        "A column holds the target, or something known only afterwards; on new rows it will not be there.",
        "Which input would you not have at the time of the prediction?",
    ),
    "lr_too_high": Lesson(
        "Learning rate too high",
        "v=network",
        "The loss jumps up and down instead of falling.",
        "The gradient describes the loss only nearby; a long step overshoots the minimum and ends at a higher loss.",
        "Multiply the rate by 0.1 and by 0.01. Which is too low?",
    ),
    "lr_too_low": Lesson(
        "Learning rate too low",
        "v=weights&k=M",
        "Smooth, nearly straight curves that still fall at the last epoch.",
        "Every step goes in the right direction, but is far too short.",
        "How many epochs would this rate need to reach the mended run's loss?",
    ),
    "noisy_batches": Lesson(
        "Batches too small",
        "v=network",
        "A loss that fluctuates from epoch to epoch around a plateau.",
        "The gradient of a few rows is a noisy estimate of that of all rows; at a high rate the noise dominates.",
        "Besides a larger batch, what would reduce the noise?",
    ),
    "over_regularized": Lesson(
        "Too much regularization",
        "v=weights&k=W",
        "Training and validation loss are both poor, and the weights shrink towards 0.",
        "The penalty on weights weighs more than the data.",
        "At which l2 do the two runs meet?",
    ),
    "overfit": Lesson(
        "Overfitting",
        "v=classes",
        "The training loss falls to 0 while the validation loss turns and rises.",
        "There are enough weights to memorize every training row; that does not generalize to new rows.",
        "At which epoch would you have stopped?",
    ),
    "saturated": Lesson(
        "Saturated units",
        "v=unit",
        "Activations are at the ends of their range; gradients are close to 0.",
        "Where a sigmoid or tanh is flat its derivative is near 0, and so is every gradient through it.",
        "What are z and f'(z) of such a unit in the chain rule?",
    ),
    "sorted_data": Lesson(
        "Sorted rows",
        "v=classes",
        "The loss oscillates within each epoch; the network unlearns one class while it learns the next.",
        "Batches of a single class pull all weights towards that class.",
        "Why does shuffling every epoch help, when the rows are the same?",
    ),
    "split_mismatch": Lesson(
        "Parts from different distributions",
        "v=classes",
        "The training loss falls and the validation loss is poor from the first epoch.",
        "The validation rows come from another distribution than the training rows.",
        "Which input differs most between the parts?",
    ),
    "too_few_epochs": Lesson(
        "Too few epochs",
        "v=weights&k=M",
        "Both losses still fall when training ends.",
        "The network has not converged: only the number of epochs is wrong.",
        "How can early stopping choose the number for you?",
    ),
    "underfit": Lesson(
        "Underfitting",
        "v=classes",
        "Training and validation scores are equally poor, and level off early.",
        "A straight line, or a few units, cannot follow the data.",
        "How many units does it take? Try one fewer.",
    ),
    "unscaled_inputs": Lesson(
        "Unscaled inputs",
        "v=weights&k=G",
        "One input dominates the sums; the loss falls slowly or jumps.",
        "One rate serves all weights: right for inputs near 1, it is far too high for inputs in the thousands.",
        "Which weights have the largest gradients, and which input do they belong to?",
    ),
    "vanishing_gradient": Lesson(
        "Vanishing gradients",
        "v=weights&k=G",
        "Gradients get smaller, layer by layer, towards the input; the first layers hardly change.",
        "Each layer multiplies the derivative by less than 1.",
        "By which factor does the gradient shrink from one layer to the one before?",
    ),
    "wrong_loss_output": Lesson(
        "Loss and output activation do not match",
        "v=classes",
        "The loss cannot fall below a floor for any weights.",
        "The output activation limits the range of the outputs, so that the network cannot produce the targets.",
        "Which outputs can the broken network not produce?",
    ),
}
