# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second lab in a network namespace of its own, beside whatever else runs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "lab-second"
OUTSIDE, INSIDE = "198.51.100.1", "198.51.100.2"
STATE = "/var/lib/openhands-gpu-observability-lab-second"
SETTINGS = {
    "lab_name": "second",
    "lab_state_dir": STATE,
    "lab_port_base": 27000,
    "lab_bridge": "lab1",
    "lab_pod_cidr": "10.245.0.0/16",
    "lab_service_cidr": "10.97.0.0/16",
}


def cache_dir():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("GPU_OBSERVABILITY_CACHE") or f"{home}/openhands-gpu-observability")


def reason_not_to_run():
    version = yaml.safe_load((ROOT / "roles/lab/defaults/main.yml").read_text())["lab_kubernetes_version"]
    if os.geteuid():
        return "a lab needs root"
    if not (cache_dir() / "binaries" / "kubernetes" / version).is_dir():
        return f"Kubernetes {version} was not built yet: run make lab once"
    return None


@dataclass
class Lab:
    """Runs the playbooks inside of the namespace."""

    settings: dict = field(default_factory=lambda: dict(SETTINGS))

    def inside(self, *command, check=True):
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/{NAMESPACE}", *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def play(self, name, check=True, **settings):
        """Output of a playbook."""
        extra = json.dumps({**self.settings, **settings})
        command = ("ansible-playbook", "-i", "inventories/lab", f"playbooks/{name}.yml", "-v", "-e", extra)
        done = self.inside(*command, check=check)
        return done if not check else done.stdout + done.stderr

    def kubectl(self, *arguments, check=True):
        return self.inside(f"{STATE}/bin/kubectl", f"--kubeconfig={STATE}/kubeconfig", *arguments, check=check).stdout

    def traces(self):
        listed = self.inside(sys.executable, str(Path(__file__).with_name("traces.py")), STATE).stdout
        return {name: set(found) for name, found in json.loads(listed).items()}

    def record(self, component):
        return json.loads(Path(STATE, "run", f"{component}.pid").read_text())
