"""What the rules are: pure functions and values, standard library and dateutil only."""
