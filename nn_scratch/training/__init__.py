"""The training loop: batches, gradient steps, evaluation, statistics, callbacks. It knows no file format."""
