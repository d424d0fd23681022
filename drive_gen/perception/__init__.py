"""Networks that read pictures, and their scores."""
