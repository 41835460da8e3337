# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the stand-in exporter, with the real one's arguments."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import kubelet
import web
from dcgm_fields import StandInGpu, rows_of
from dcgm_standin import Holders, StandIn
from labhttp import serve


def arguments() -> argparse.ArgumentParser:
    """Those of the real exporter that the role uses; it ends over any other, as the real one does."""
    parser = argparse.ArgumentParser(prog="dcgm-exporter", allow_abbrev=False)
    parser.add_argument("--collectors", required=True)
    parser.add_argument("--address", default=":9400")
    parser.add_argument("--collect-interval", type=int, default=30000)
    parser.add_argument("--kubernetes", default="false", choices=["true", "false"])
    parser.add_argument("--kubernetes-enable-pod-labels", default="false", choices=["true", "false"])
    parser.add_argument("--kubernetes-pod-label-allowlist-regex", default="")
    parser.add_argument("--remote-hostengine-info", default="")
    parser.add_argument("--web-config-file", default="")
    return parser


def main() -> None:
    """Serve until told to stop."""
    given = arguments().parse_args()
    with Path(given.collectors).open(encoding="utf-8") as lines:
        rows = rows_of(lines)
    wanted = (
        given.kubernetes_pod_label_allowlist_regex.split(",") if given.kubernetes_enable_pod_labels == "true" else []
    )
    holders: Holders = dict
    if given.kubernetes == "true":
        holders = kubelet.Holders(wanted).look
    stand_in = StandIn([StandInGpu(0), StandInGpu(1)], os.environ.get("NODE_NAME", "standin"), rows, holders)
    context, may = web.settings(given.web_config_file)
    serve(stand_in.routes(), int(given.address.rpartition(":")[2]), context, may)


if __name__ == "__main__":
    main()
