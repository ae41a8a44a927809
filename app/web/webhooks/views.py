"""Views of the webhooks blueprint."""
