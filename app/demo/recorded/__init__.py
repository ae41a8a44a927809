"""Recorded customers: a crowd whose past is written down instead of lived through.

The hand-made cast (`app/demo/cast.py`) lives through its months by the real doors, which takes
seconds for each. The crowd is computed with the same pure rules and stored in bulk, so that staff
have hundreds of customers to search and a benchmark has a hundred thousand.
"""
