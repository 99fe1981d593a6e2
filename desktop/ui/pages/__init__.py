"""The places of the window; each shows only what the node behind the door really knows."""
