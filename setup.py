"""The one step that pyproject.toml cannot declare: a wheel contains the default config and the zoo."""

from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

NOT_SHIPPED = ignore_patterns("*.fixed.yaml")  # written by `diagnose --fix`


class BuildWithConfigs(build_py):
    """Copies config/ and data/ into nn_scratch/shipped/ of the build."""

    def run(self) -> None:
        built = Path(self.build_lib) / "nn_scratch"
        if not self.editable_mode:
            rmtree(built, ignore_errors=True)  # setuptools keeps modules of earlier builds, which may be gone by now
        super().run()
        if not self.editable_mode:
            for folder in ("config", "data"):
                copytree(Path(__file__).parent / folder, built / "shipped" / folder, ignore=NOT_SHIPPED)


setup(cmdclass={"build_py": BuildWithConfigs})
