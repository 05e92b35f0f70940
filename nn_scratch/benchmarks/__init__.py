"""Speed, measured: one module per subject, each with `measure(...) -> dict` and `table(result) -> str`.

The contenders take turns in one process, and the ratio of medians is reported: absolute times depend more on what else
the machine does than on the code.
"""
