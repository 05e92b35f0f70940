"""A run's folder: the only code that knows the format on disk. `Recorder` writes it, `Run` reads it."""
