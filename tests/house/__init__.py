"""Rules about the code itself. Each is shown once to bite: see the planted violations."""
