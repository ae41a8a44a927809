"""What can happen: one module per use case; transactions and locks live here."""
