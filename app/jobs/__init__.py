"""What happens by itself: the hourly run, the daily run and delivery."""
