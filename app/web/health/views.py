"""Views of the health blueprint."""
