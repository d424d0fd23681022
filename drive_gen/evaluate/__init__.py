"""Safety, comfort, realism and statistics of episodes."""
