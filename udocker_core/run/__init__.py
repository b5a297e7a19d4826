"""From a container and options to a running program: spec (pure), plan (pure), launch."""
