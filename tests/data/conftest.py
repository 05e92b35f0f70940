import pytest


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    """Paths in messages are short then."""
    monkeypatch.chdir(tmp_path)
