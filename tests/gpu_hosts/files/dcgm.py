#!/usr/bin/python3
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STAND-IN for DCGM's nv-hostengine and for dcgm-exporter, by the name that it is started by. Tests only.

The engine listens and says nothing. The exporter needs an engine where it is told of one, refuses a counters file that
it can't read, as the real one does, and serves 0 for every field of the file.
"""

from __future__ import annotations

import argparse
import csv
import re
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FIELD = re.compile(r"DCGM_(FI|EXP)_[A-Z0-9_]+")
KINDS = {"gauge", "counter", "label"}


def fields(path: Path) -> list[tuple[str, str]]:
    """Field and kind of every row."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(path.read_text().splitlines()) if row]
    found = [row for row in rows if not row[0].startswith("#")]
    for row in found:
        if len(row) != 3 or not FIELD.fullmatch(row[0]) or row[1] not in KINDS:
            sys.exit(f"dcgm-exporter (stand-in): {path}: {row} is no field, kind and help")
    return [(row[0], row[1]) for row in found]


def engine() -> None:
    """Listen where only this machine gets in; hosts that share one network share the port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", 5555))
    listening.listen()
    while True:
        connection, _peer = listening.accept()
        connection.close()


def exporter() -> None:
    """Serve /metrics."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--collectors", type=Path, default=Path("/etc/dcgm-exporter/default-counters.csv"))
    parser.add_argument("--address", default=":9400")
    parser.add_argument("--collect-interval", type=int, default=30000)
    parser.add_argument("--remote-hostengine-info", default="")
    parser.add_argument("--web-config-file", default="")
    options = parser.parse_args()
    if options.remote_hostengine_info:
        host, _, port = options.remote_hostengine_info.partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
    known = fields(options.collectors)
    text = "".join(f'{name}{{gpu="0"}} 0\n' for name, kind in known if kind != "label").encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_request(self, code: object = "", size: object = "") -> None:
            """Nothing."""

    ThreadingHTTPServer(("127.0.0.1", int(options.address.rpartition(":")[2])), Handler).serve_forever()


if __name__ == "__main__":
    {"nv-hostengine": engine, "dcgm-exporter": exporter}[Path(sys.argv[0]).name]()
