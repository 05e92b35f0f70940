"""Runs: built from a config, checked, trained, resumed, loaded and used for prediction."""
