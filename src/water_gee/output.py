"""What reaches the terminal: any letter, and nothing that libraries say to nobody."""

import codecs
import io
import logging
import os
import sys
import warnings


def print_anything() -> None:
    """Let no character that the terminal lacks end a command.

    The C locale is taken for UTF-8, as Python does by default; another one gets `?` instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            known = codecs.lookup(stream.encoding).name
            if known == "ascii":
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # paths keep their bytes
            elif known != "utf-8":
                stream.reconfigure(errors="replace")


def quieten() -> None:
    """Switch off what libraries say to nobody: telemetry, tips, and warnings that are not the user's."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("googleapiclient").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(mlflow|pytorch_lightning|sklearn|google)\..*")
