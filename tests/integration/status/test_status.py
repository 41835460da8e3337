# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a site stands: not there yet, as it should be, drifted, out of reach; and never a write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.check_mode.conftest import ROOT, upstream_folder
from integration.engine.apiserver import ApiServer, find_binaries
from integration.engine.audit import Audit

__all__ = ["upstream_folder"]
MONITORS = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/servicemonitors"
KINDS = ("_servicemonitors.yaml", "_prometheusrules.yaml")
NOWHERE = "https://127.0.0.1:9"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Audit]]:
    """An API server that writes down what is done to it."""
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    audit = Audit(tmp_path_factory.mktemp("audit"))
    made = ApiServer(tmp_path_factory.mktemp("status"), *found, audit.arguments)
    made.start()
    yield made, audit
    made.stop()


class Site:
    """One component and its definitions on one or two clusters."""

    def __init__(self, server: ApiServer, folder: Path, upstream: Path) -> None:
        lock = yaml.safe_load((ROOT / "roles/platform/vars/main.yml").read_text())["platform_lock"]
        operator = lock["prometheus_operator"]
        definitions = operator["releases"][operator["version"]]["definitions"]
        self.folder, self.server = folder, server
        self.variables: dict[str, Any] = {
            "platform_components": ["model_monitoring"],
            "platform_upstream_base": f"file://{upstream}",
            "platform_cache_dir": "",
            "__platform_definitions": [entry for entry in definitions if entry["path"].endswith(KINDS)],
        }
        self.hosts = {"one": self.host("one", str(server.kubeconfig))}

    def host(self, name: str, kubeconfig: str) -> dict[str, Any]:
        return {"platform_cluster": name, "platform_kubeconfig": kubeconfig}

    def play(self, name: str, **variables: Any) -> tuple[int, str]:
        """Run a playbook; return (exit code, output)."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        group = {"hosts": self.hosts, "vars": local}
        inventory, extra = self.folder / "inventory.yml", self.folder / "extra.json"
        inventory.write_text(yaml.safe_dump({"all": {"children": {"kubernetes_clusters": group}}}))
        reports = {"platform_status_path": str(self.folder) + "/{{ platform_cluster }}.json"}
        extra.write_text(json.dumps({**self.variables, **reports, **variables}))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory)]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [*command, f"playbooks/{name}.yml", "-e", f"@{extra}"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        return done.returncode, done.stdout + done.stderr

    def report(self, cluster: str = "one") -> dict[str, Any]:
        """The JSON of a cluster, with components by name."""
        document = json.loads((self.folder / f"{cluster}.json").read_text())
        return {**document, "components": {entry["component"]: entry for entry in document["components"]}}


def test_a_site_from_nothing_to_drift(watched, upstream_folder, tmp_path):
    server, audit = watched
    site = Site(server, tmp_path, upstream_folder)
    audit.news()
    code, output = site.play("status")
    assert code == 2, output[-4000:]
    assert site.report()["components"]["model_monitoring"]["verdict"] == "not_found"
    assert not audit.writes(), "status wrote to an empty cluster"

    code, output = site.play("monitoring")
    assert code == 0, output[-4000:]
    assert audit.writes()

    code, output = site.play("status")
    assert code == 0, output[-4000:]
    report = site.report()
    assert report["ok"]
    assert report["kubernetes_version"].startswith("v1.")
    assert [entry["wrong"] for entry in report["components"].values()] == [[], []]
    assert not audit.writes()

    server.request("DELETE", MONITORS + "/model-server")
    audit.news()
    code, output = site.play("status", platform_labels={"site": "east"})
    assert code == 2, output[-4000:]
    component = site.report()["components"]["model_monitoring"]
    assert component["wrong"] == ["not found", "drift"]
    changes = {(entry["kind"], entry["name"]): entry for entry in component["drift"]}
    assert changes["ServiceMonitor", "model-server"]["change"] == "created"
    assert changes["PrometheusRule", "model-alerts"]["fields"] == ["metadata.labels.site"]
    assert "PrometheusRule monitoring/model-alerts would be changed: metadata.labels.site" in output
    assert "model_monitoring (not found, drift)" in output
    assert not audit.writes()


def test_a_cluster_out_of_reach_keeps_nobody_from_the_others(watched, upstream_folder, tmp_path):
    server, _audit = watched
    site = Site(server, tmp_path, upstream_folder)
    away = tmp_path / "away.kubeconfig"
    away.write_text(server.kubeconfig.read_text().replace(server.url, NOWHERE))
    site.hosts["two"] = site.host("two", str(away))
    code, output = site.play("status", platform_status_fail=False)
    assert code == 0, output[-4000:]
    assert "two can't be looked at: " in output
    assert NOWHERE in site.report("two")["problem"]
    assert not site.report("two")["ok"]
    assert site.report("one")["problem"] == ""
