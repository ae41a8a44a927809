"""The order of a server's audit rows within one second, across the epochs of its ids.

A server numbers its rows in the order in which it wrote them. When staff rewind its ids, because
it lost its database, the numbers begin again lower: what is written from then on belongs to a new
epoch and comes after everything that was written before, whatever the numbers say.
Rules: docs/rules/ledger.md.
"""

# The largest whole number that every reader of JSON keeps exact; no row id is larger.
LARGEST_ROW_ID = 2**53 - 1
ROWS_OF_AN_EPOCH = LARGEST_ROW_ID + 1
# Order numbers are kept in columns of 64 bits.
LAST_EPOCH = 2**63 // ROWS_OF_AN_EPOCH - 1


def row_order(epoch: int, remote_id: int) -> int:
    """The place of a row among all of its server; the row's own id until a first rewind."""
    return epoch * ROWS_OF_AN_EPOCH + remote_id
