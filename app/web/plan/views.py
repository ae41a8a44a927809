"""Views of the plan blueprint."""
