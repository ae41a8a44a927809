"""Views of the login blueprint."""
