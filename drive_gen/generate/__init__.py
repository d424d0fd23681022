"""Trajectory diffusion and the verification of what it proposes."""
