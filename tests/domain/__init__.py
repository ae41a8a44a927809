"""Tests of the rules: pure functions, no database, no clock."""
