"""The honest benchmark, inside the worker: steady state, then the device, then the real engine on the real model."""
