"""From a name or a file to scaled arrays, ready to train on.

`load_table` reads what the config names, `prepare` splits and scales it, `open_rows` reads new rows to predict. What
the user should know is in `Data.notices`.
"""

from nn_scratch.data.column_types import ColumnOptions
from nn_scratch.data.columns import Column
from nn_scratch.data.prepare import Data, Part, prepare
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.sources import SOURCES
from nn_scratch.data.split import Fold
from nn_scratch.data.table import Table
from nn_scratch.data.tables import Rows, load_table, open_rows, read_rows

__all__ = [
    "SOURCES",
    "Column",
    "ColumnOptions",
    "Data",
    "Fold",
    "Part",
    "Preprocessing",
    "Rows",
    "Table",
    "load_table",
    "open_rows",
    "prepare",
    "read_rows",
]
