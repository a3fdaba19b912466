"""Live detection: read videos and cameras, control the pace, time the networks, show pictures."""
