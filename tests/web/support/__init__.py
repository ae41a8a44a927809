"""The support console."""
