"""The catalogue of models, where their files lie and how bundled ones are prepared; imports no torch."""
