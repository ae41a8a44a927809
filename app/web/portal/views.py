"""Views of the portal blueprint."""
