"""Views of the upgrade blueprint."""
