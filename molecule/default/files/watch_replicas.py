# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch pods until a file appears, then say how few of them were ever ready at once (JSON)."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

INTERVAL = 0.25
"""Seconds between two looks."""
LONGEST = 1100
"""Seconds after which nobody is waiting any more."""


def ready(pod: dict) -> bool:
    """Whether a pod takes requests: ready and not on its way out."""
    conditions = pod["status"].get("conditions", [])
    good = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return good and "deletionTimestamp" not in pod["metadata"]


def look(options: argparse.Namespace) -> list[dict]:
    """The pods as they are now."""
    command = [options.kubectl, f"--kubeconfig={options.kubeconfig}", f"--namespace={options.namespace}"]
    command += ["get", "pods", f"--selector={options.selector}", "--output=json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["items"]


def main() -> int:
    """Look again and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kubectl", "kubeconfig", "namespace", "selector", "stop"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    stop = Path(options.stop)
    samples, least, pods = 0, 10**6, {}
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        done = stop.exists()
        found = look(options)
        samples += 1
        least = min(least, sum(map(ready, found)))
        pods.update({pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in found})
        if done:
            break
        time.sleep(INTERVAL)
    print(json.dumps({"samples": samples, "least_ready": least, "pods": sorted(pods.values())}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
