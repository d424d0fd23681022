"""Scenes and episodes in words: the same facts read from English, from Korean and from geometry."""
