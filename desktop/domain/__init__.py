"""Values and rules of Hearth: no input, no output, standard library only."""
