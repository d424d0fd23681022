"""One training loop, one checkpoint format, one short file a task."""
