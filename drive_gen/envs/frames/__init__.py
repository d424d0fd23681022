"""Scenes as small pictures whose labels are exact."""
