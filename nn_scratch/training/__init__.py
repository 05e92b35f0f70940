"""The training loop: batches, gradient steps, evaluation, statistics, callbacks. Independent of file formats."""
