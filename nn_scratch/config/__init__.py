"""The config: YAML read and checked, with every error at its line; `resolve.load_config` is the way in."""
