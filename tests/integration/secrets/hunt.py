# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries in every place that can carry a secret, a play that has them, and the search for them afterwards."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import yaml
from integration.engine import test_action
from integration.engine.apiserver import ADMIN_TOKEN
from integration.engine.conftest import Cluster

PLUGINS = Path(test_action.__file__).parent / "connection_plugins"
COLLECTIONS = Path(__file__).resolve().parents[3] / ".collections"
PLACES = (
    "data",
    "string_data",
    "config_file",
    "environment",
    "flag",
    "header",
    "annotation",
    "last_applied",
    "override",
    "kubeconfig_token",
    "kubeconfig_exec",
    "kubeconfig_key",
    "upstream",
    "proxy",
    "old",
)


def canary(place: str) -> str:
    """Unlike anything else, with a character that looks otherwise in an address."""
    return "canary7/%s+4f1d" % place.replace("_", "")


def forms(value: str) -> set[str]:
    """A value as it may show up: plain, in base64 alone or inside of more, quoted for addresses, in JSON."""
    encoded = [base64.b64encode(b"x" * shift + value.encode()).decode()[4 if shift else 0 : -4] for shift in range(3)]
    return {value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], *encoded}


WANTED = {form for place in PLACES for form in forms(canary(place))} | forms(ADMIN_TOKEN)


def b64(text: str) -> str:
    """As data of a Secret."""
    return base64.b64encode(text.encode()).decode()


def secret(password: str = "data", **more: Any) -> dict[str, Any]:
    """A Secret with a canary wherever it takes one."""
    kept = json.dumps({"kind": "Secret", "data": {"password": b64(canary("last_applied"))}})
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": kept,
        "example.org/api-token": canary("annotation"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "annotations": annotations},
        "data": {"password": b64(canary(password))},
        "stringData": {
            "plain": canary("string_data"),
            "alertmanager.yaml": "receivers:\n- name: a\n  slack_configs:\n  - api_url: %s\n" % canary("config_file"),
        },
        **more,
    }


def deployment(value: str = "environment") -> dict[str, Any]:
    """A Deployment that has secrets where none belongs."""
    header = {"name": "Authorization", "value": canary("header")}
    container = {
        "name": "main",
        "image": "example.org/a:1",
        "args": ["--api-token=" + canary("flag")],
        "env": [{"name": "DB_PASSWORD", "value": canary(value)}],
        "livenessProbe": {"httpGet": {"path": "/", "port": 80, "httpHeaders": [header]}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container]}},
        },
    }


OVERRIDE = {"kind": "Secret", "name": "login", "merge": {"data": {"more": b64(canary("override"))}}}


class Hunt:
    """One play; after each run everything that it printed, returned or left is searched."""

    def __init__(self, cluster: Cluster, folder: Path, connection: str) -> None:
        self.cluster, self.folder, self.connection = cluster, folder, connection
        self.task: dict[str, Any] = {"component": "demo", "namespace": cluster.namespace, "wait": False}
        self.keywords: dict[str, Any] = {}

    def kubeconfig(self, **user: Any) -> dict[str, Any]:
        """An inline kubeconfig: the administrator's token, and other users whose secrets are nobody's business."""
        config = self.cluster.server.config_for({"token": ADMIN_TOKEN, **user})
        script = "echo $CANARY $OTHER >&2; exit 3"
        exec_login = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", script],
            "env": [{"name": "CANARY", "value": canary("kubeconfig_exec")}],
        }
        config["users"] += [
            {"name": "other", "user": {"token": canary("kubeconfig_token")}},
            {"name": "keyed", "user": {"client-key-data": canary("kubeconfig_key"), "client-certificate-data": "x"}},
            {"name": "exec", "user": {"exec": exec_login}},
        ]
        config["contexts"] += [
            {"name": name, "context": {"cluster": "test", "user": name}} for name in ("other", "keyed", "exec")
        ]
        return config

    def run(self, manifests: list[dict[str, Any]], *options: str, **task: Any) -> tuple[dict[str, Any], str]:
        """Run the task; return (result, output) once both, and what was left on disk, were searched."""
        left = self.folder / "left"
        (left / "tmp").mkdir(parents=True, exist_ok=True)
        given = {"kubeconfig": "{{ demo_kubeconfig }}", "overrides": "{{ demo_overrides }}", **self.task, **task}
        step = {"openhands.gpu_observability.rollout": {**given, "manifests": "{{ demo_manifests }}"}}
        keep = {
            "ansible.builtin.copy": {"content": "{{ __demo | to_json }}", "dest": str(left / "result.json")},
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local"},
            "check_mode": False,
            "diff": False,
        }
        fact = {"ansible.builtin.set_fact": {"kept": "{{ __demo }}", "cacheable": True}}
        block = {"block": [{**step, "register": "__demo", **self.keywords}], "always": [fact, keep]}
        self._write("play.yml", [{"hosts": "all", "gather_facts": False, "tasks": [block]}])
        host = {"ansible_connection": self.connection, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        overrides = [OVERRIDE] if any(body["kind"] == "Secret" for body in manifests) else []
        values = {"demo_kubeconfig": self.kubeconfig(), "demo_manifests": manifests, "demo_overrides": overrides}
        self._write("inventory.yml", {"all": {"hosts": {"one": host}, "vars": values}})
        environment = {
            **os.environ,
            "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_LOCAL_TEMP": str(left / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(left / "tmp"),
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(left / "facts"),
            "TMPDIR": str(left / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "HOME": str(left),
        }
        command = ["ansible-playbook", "-i", "inventory.yml", "play.yml", "-vvv", "--diff", *options]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        assert (left / "result.json").is_file(), output
        found = sorted(form for form in WANTED if form in output)
        assert not found, [line for line in output.splitlines() if any(form in line for form in found)][:5]
        assert self.found_on_disk(left) == {}
        result: dict[str, Any] = json.loads((left / "result.json").read_text())
        return result, output

    def found_on_disk(self, folder: Path) -> dict[str, list[str]]:
        """Files below a folder that hold a canary, and which."""
        texts = {path: path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()}
        found = {str(path): sorted(form for form in WANTED if form in text) for path, text in texts.items()}
        return {path: forms for path, forms in found.items() if forms}

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content))
