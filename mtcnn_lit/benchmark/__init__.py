"""How fast the detector, its training and its mining are, on this machine."""
