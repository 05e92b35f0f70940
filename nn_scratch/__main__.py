"""`python -m nn_scratch COMMAND`: the same as `nn-scratch COMMAND`."""

import sys

from nn_scratch.cli import main

if __name__ == "__main__":
    sys.exit(main())
