"""Sweeps: the settings of a config's `sweep:` block, each trained as a run, and the table of what they reached.

`sweep.sweep` is the entry point; `space` draws the settings, `trial` runs one of them, `executors` run many side by
side, `rows` are what they reached.
"""
