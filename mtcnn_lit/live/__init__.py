"""Frames as they come: videos and cameras to read, pace, time per network, pictures on a screen."""
