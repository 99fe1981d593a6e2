"""Small painted and composed parts that pages are made of."""
