"""The sponsorship page."""
