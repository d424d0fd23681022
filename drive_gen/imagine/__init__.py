"""Pictures of scenes drawn from words, and scenes read back off them."""
