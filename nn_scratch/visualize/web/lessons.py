"""What is to be learned from each fault of the zoo, in words."""

from __future__ import annotations

from dataclasses import dataclass


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
        "In the Weights view, 'change since epoch 0' is 0 everywhere in one layer.",
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
