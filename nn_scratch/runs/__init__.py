"""A run's folder: the only code that depends on the format on disk. `Recorder` writes it, `Run` reads it."""
