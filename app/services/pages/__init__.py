"""What the customer's pages show: frozen objects, read with a constant number of queries.

Nothing here writes. Numbers are computed "as of now" by the pure rules, so that a page is right
even when the jobs have not come by yet. Words are made by the templates and `app/web/wording.py`.
"""
