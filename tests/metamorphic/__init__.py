"""What must not change a verdict, and what must not make it better: evidence told in another way, or less of it."""
