"""Logs and rollouts in, the episode store, training windows."""
