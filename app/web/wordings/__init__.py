"""The messages of errors, one module per part of the portal.

Each module has a dict `MESSAGES` from a code of `BillingError` to its message for people: a lazily
translated text whose `%(name)s` are parameters of the error, or a function from the parameters to
the text where plural forms are needed. `app/web/wording.py` merges them.
"""
