"""May we work now, where, and why not? Pure functions over what is known at this moment and a little memory."""
