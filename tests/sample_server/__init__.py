"""Tests of the sample self-hosted server, against a small portal of their own."""
