"""Starts connector processes by fork: each is a process of its own, without a second of imports.

Orders come as JSON lines on the standard input, answers go as JSON lines to the standard output. A child is what
`python -m connector ARGUMENTS` is, with its output in files. `spell` is what happens to it:

* `record`: a file into which it writes every point that it passes (`points`);
* `die_at`: the point at which it kills itself (SIGKILL);
* `file_bytes`: no file of it may grow beyond so many bytes (RLIMIT_FSIZE);
* `is_powerless`: it loses root's right to write what is read-only.
"""

import ctypes
import json
import os
import resource
import struct
import sys

import connector.cli.app
import connector.pipeline.run  # noqa: F401 - loaded once, for every child
from connector.cli.main import main
from connector.contract.library import contract
from connector.load.wire import Wire
from tests.crash.points import Points, watch

_VERSION_3 = 0x20080522
"""The layout of capset(2)'s arguments."""


def serve() -> None:
    """Take orders until the input ends; a child leaves this function by its own exit."""
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if not pid:
                _become(order)
                main()
            _answer({"pid": pid})
        else:
            pid, status = os.waitpid(order["pid"], os.WNOHANG)
            _answer({"code": os.waitstatus_to_exitcode(status) if pid else None})


def _answer(value: dict) -> None:
    print(json.dumps(value), flush=True)  # noqa: T201 - the answer


def _become(order: dict) -> None:
    """What a process of its own begins with."""
    os.setsid()
    for number, file, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], os.O_RDWR),
        (2, order["err"], os.O_RDWR),
    ):
        os.dup2(os.open(file, mode | (os.O_CREAT if number else 0), 0o600), number)
    os.environ |= order["environ"]
    sys.argv = ["connector", *order["arguments"]]
    spell = order["spell"]
    if spell.get("is_powerless"):
        _drop_powers()
    if spell.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (spell["file_bytes"],) * 2)
    if "record" in spell or "die_at" in spell:
        watch(Points(record=spell.get("record", ""), die_at=spell.get("die_at", "")))


def _drop_powers() -> None:
    """Root without its capabilities is held to the rights of files like everybody."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.capset(struct.pack("Ii", _VERSION_3, 0), bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    contract()  # read once, for every child
    Wire("http://127.0.0.1", timeout_s=1, headers={}).close()  # what httpx loads late
    serve()
