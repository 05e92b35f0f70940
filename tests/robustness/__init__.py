"""Attempts to break the product, seeded. Each module is a command of its own: `python -m tests.robustness.kills`.

What pytest runs is a sample of seconds; the whole stands behind the marker `slow`.
"""
