"""The view: tray, window, first run. It knows the node through the door alone."""
