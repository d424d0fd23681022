"""The verbs of drive-gen: one light file each; heavy imports stay inside the functions."""
