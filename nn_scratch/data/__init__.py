"""From a name or a file to scaled arrays, ready to train on."""
