"""A benchmark of the doctor: faulty and healthy runs whose truth is known, and how often the doctor tells them apart.

    python -m tests.doctor_benchmark --part dev          what the doctor's author may look at and tune on
    python -m tests.doctor_benchmark --part validation   other data: whether what was tuned holds elsewhere
    python -m tests.doctor_benchmark --part reported     what is reported; nothing is tuned on it

parts.py says what belongs to which part; faults.py and controls.py what is planted; generate.py which of it is kept
(harm is measured, not assumed); measures.py what is counted; baselines.py what others would have said of the same runs.
"""
