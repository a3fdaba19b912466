"""From configuration to runs: the only room that knows Hydra."""
