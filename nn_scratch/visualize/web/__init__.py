"""Web pages of a run."""
