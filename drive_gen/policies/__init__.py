"""Who drives: rules, search, and the behaviour transformer."""
