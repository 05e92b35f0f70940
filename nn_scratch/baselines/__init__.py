"""What a run is compared with: simple models, kernel ridge regression and a plain network on the same rows."""
