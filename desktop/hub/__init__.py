"""Models that are not bundled: which there are, whether they fit, and how they come to this computer."""
