"""The first run: from nothing to earning."""
