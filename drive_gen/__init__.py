"""drive_gen: drivers and traffic made out of data, and proof of how safe they are."""

__version__ = "0.1.0"
