"""The rules, a file a stage: data, init, first_steps, epochs, end. A new rule is a new function in any of them."""
