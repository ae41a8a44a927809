"""Parlor, a sample self-hosted product: the other end of the documented wire protocol.

It has people, organizations and a gear menu, keeps its own SQLite store, and talks to a billing
portal only in the way any self-hosted server would.  It imports nothing of the portal, so that what
works here is known to work from outside.
"""
