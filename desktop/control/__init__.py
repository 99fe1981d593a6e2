"""The one door into a running node: JSON lines, one snapshot, then changes. Window, tray and command line are equal."""
