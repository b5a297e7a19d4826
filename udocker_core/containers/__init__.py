"""Containers: directories that hold a root file system and a record."""
