"""From patch stores to batches."""
