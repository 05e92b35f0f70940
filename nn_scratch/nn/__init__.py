"""The mathematics, in NumPy alone: layers, activations, losses, optimizers, schedules, and the network they make.

Signals stand as (features, rows): a column is an example, so that `Z = W X + b` reads as in the textbooks. Between
layers a signal carries one more row, of ones, at the bottom: with it the bias is one more column of the weights and
`Z = [W b] [X; 1]` is a single matrix product. `dQ` always means ∂L/∂Q.
"""
