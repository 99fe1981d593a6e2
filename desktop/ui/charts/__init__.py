"""Charts painted by hand: exact, light, and readable by keyboard and screen reader."""
