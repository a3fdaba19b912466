"""Benchmarks of detection, training and mining on this machine."""
