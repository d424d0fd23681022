"""Many highway-env worlds at once: arrays and compiled loops, equal to highway-env 1.12.1 frame by frame."""
