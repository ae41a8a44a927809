"""Views of the remotes blueprint."""
