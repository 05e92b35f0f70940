"""The one step that pyproject.toml cannot declare: a wheel brings the default config and the zoo with it."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """Copies config/ and data/ into nn_scratch/shipped/ of what is built."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in ("config", "data"):
                target = Path(self.build_lib) / "nn_scratch" / "shipped" / folder
                copytree(Path(__file__).parent / folder, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithConfigs})
