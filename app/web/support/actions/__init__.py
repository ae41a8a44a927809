"""Acts of staff on a customer: each a form, a confirmation with its exact effect, and a reason."""
