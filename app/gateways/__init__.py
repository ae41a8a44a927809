"""Whom we talk to: one Protocol in our words for each outside party, the real one, a fake."""
