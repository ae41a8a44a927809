"""Views of the demo blueprint."""
