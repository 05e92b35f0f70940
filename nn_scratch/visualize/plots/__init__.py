"""The plots, one file a family. Each registers itself (see `nn_scratch.visualize.plot`): a new one touches one file."""
