"""The second stage of an installation: the build of torch that fits this computer's hardware."""
