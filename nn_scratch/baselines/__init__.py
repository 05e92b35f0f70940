"""Models that a run is compared with: simple ones, kernel ridge regression and a plain network on the same rows."""
