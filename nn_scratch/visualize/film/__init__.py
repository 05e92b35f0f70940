"""The film of a run: its weights epoch by epoch, beside its curves, at the encoder's own speed."""
