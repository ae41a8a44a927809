"""Benchmarks: our path against the limit of the same machine, in the same minute.

Machines differ and are noisy, so no absolute time is a goal. Each benchmark runs our path and its
limit alternately, several times, and what counts is the median of the ratios. `python -m
tests.bench` runs them; `python -m tests.bench 11 --rounds 9` one of them, for longer.
"""
