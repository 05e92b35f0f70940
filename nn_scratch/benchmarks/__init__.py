"""Speed, measured: one module a subject, each with `measure(...) -> dict` and `table(result) -> str`.

Whatever is compared takes turns in one process, and what is told is the ratio of medians: absolute times say more about
the machine's neighbours than about the code.
"""
