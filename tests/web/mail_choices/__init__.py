"""Tests of the pages that stop mails."""
