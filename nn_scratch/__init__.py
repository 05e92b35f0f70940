"""A multi-layer perceptron in pure NumPy, declared in YAML, logged epoch by epoch, and shown."""

__version__ = "0.1.0"
