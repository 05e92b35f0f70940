"""The config: YAML read and checked, with every error at its line; start with `resolve.load_config`."""
