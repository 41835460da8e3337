# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a lab beside another one: start, repair, change, death, removal.

The tests build on each other, in the order in which they stand.
"""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from integration.lab.second_lab import STATE

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "containerd",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
POD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: trace, namespace: default}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: trace, namespace: default}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: trace
      image: lab.local/python:3.11
      command:
        - python3
        - -c
        - |
          import prometheus_client, socket, time
          open("/data/written", "w").write("yes")
          while True:
              try:
                  print(socket.gethostbyname("kubernetes.default.svc.cluster.local"), flush=True)
              except OSError:
                  time.sleep(1)
              else:
                  time.sleep(100000)
      ports: [{containerPort: 8000, hostPort: 18000}]
      securityContext: {runAsUser: 1000, runAsNonRoot: true, readOnlyRootFilesystem: true}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: node, mountPath: /node, readOnly: true, mountPropagation: HostToContainer}
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: trace}}
    - {name: node, hostPath: {path: /}}
"""


@pytest.fixture(scope="module")
def before(lab):
    return lab.traces()


@pytest.fixture(scope="module")
def neighbour(before):
    """The socket that another kubelet of this machine has for device plugins, if there is one."""
    return inode(DEVICE_PLUGINS / "kubelet.sock")


def inode(path):
    return path.stat().st_ino if path.exists() else None


@pytest.fixture(scope="module")
def started(lab, before, neighbour):
    return lab.play("lab")


def changed(output):
    return int(re.search(r"changed=(\d+)", output).group(1))


def restarted(output):
    found = re.search(r'"restarted": \[([^\]]*)\], "started": \[([^\]]*)\]', output)
    return tuple([name.strip('" ') for name in group.split(",") if name] for group in found.groups())


def pids(lab):
    return {name: lab.record(name)["pid"] for name in COMPONENTS}


def wait_for(lab, seconds, *arguments):
    deadline = time.monotonic() + seconds
    while True:
        text = lab.kubectl(*arguments, check=False)
        if text or time.monotonic() > deadline:
            return text
        time.sleep(0.5)


def running(lab):
    lab.kubectl("wait", "--for=condition=Ready", "pod/trace", "--timeout=60s")
    return wait_for(lab, 90, "logs", "trace").split()


def test_first_run_brings_up_a_cluster_that_runs_pods_and_binds_claims(lab, started, tmp_path):
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(POD)
    lab.kubectl("apply", "-f", str(manifest))
    assert running(lab) == ["10.97.0.1"]
    assert lab.kubectl("get", "pvc", "trace", "-o", "jsonpath={.status.phase}") == "Bound"
    assert len(list(Path(STATE, "volumes").glob("*/written"))) == 1


def test_status_shows_every_component(lab, started):
    output = lab.play("lab_status")
    for name in (*COMPONENTS, "node second"):
        assert re.search(rf"^{name} +\S+ +\S+ +healthy$", output, re.MULTILINE), name


def test_secrets_are_readable_by_their_owner_only(started):
    keys = [Path(STATE, "kubeconfig"), *Path(STATE, "pki").glob("*.key"), *Path(STATE, "config").glob("*.kubeconfig")]
    assert len(keys) > 10
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_second_run_changes_nothing(lab, started):
    before = pids(lab)
    output = lab.play("lab")
    assert changed(output) == 0
    assert pids(lab) == before


def test_killed_components_alone_are_started_again(lab, started):
    before = pids(lab)
    killed = ["etcd", "containerd", "kubelet"]
    for component in killed:
        os.kill(before[component], signal.SIGKILL)
    failed = lab.play("lab_status", check=False)
    assert failed.returncode != 0
    assert "kubelet: not running" in failed.stdout + failed.stderr
    assert restarted(lab.play("lab")) == ([], killed)
    after = pids(lab)
    assert [name for name in COMPONENTS if after[name] != before[name]] == killed
    assert running(lab) == ["10.97.0.1"], "the pod outlived its runtime"


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(lab, started):
    path = Path(STATE, "run", "kube-scheduler.pid")
    record = lab.record("kube-scheduler")
    os.kill(record["pid"], signal.SIGKILL)
    path.write_text(path.read_text().replace(str(record["pid"]), str(os.getpid())))
    assert restarted(lab.play("lab")) == ([], ["kube-scheduler"])


def test_a_lost_certificate_is_renewed_and_restarts_only_what_reads_it(lab, started):
    Path(STATE, "pki", "local.crt").unlink()
    assert restarted(lab.play("lab")) == (["kube-controller-manager", "kube-scheduler"], [])


def test_a_changed_setting_restarts_only_what_reads_it(lab, started):
    assert restarted(lab.play("lab", lab_pod_cidr="10.246.0.0/16")) == (["kubelet", "kube-proxy"], [])
    assert restarted(lab.play("lab")) == (["kubelet", "kube-proxy"], [])


def test_everything_killed_and_the_boot_forgotten_comes_back(lab, started):
    marked = [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if f"GPU_OBSERVABILITY_LAB={STATE}".encode() in environment(folder).split(b"\0")
    ]
    assert len(marked) > len(COMPONENTS), "shims carry the mark too"
    for pid in marked:
        os.kill(pid, signal.SIGKILL)
    for path in Path(STATE, "run").glob("*.pid"):
        path.write_text(re.sub(r'"boot": "[^"]*"', '"boot": "another"', path.read_text()))
    started_again = restarted(lab.play("lab"))
    assert started_again == ([], list(COMPONENTS))
    assert running(lab) == ["10.97.0.1"]
    assert changed(lab.play("lab")) == 0


def environment(folder):
    try:
        return (folder / "environ").read_bytes()
    except OSError:
        return b""


def test_a_foreign_folder_is_refused(lab, started, tmp_path):
    (tmp_path / "precious").write_text("mine")
    for name in ("lab", "lab_down"):
        done = lab.play(name, check=False, lab_state_dir=str(tmp_path), lab_port_base=28000)
        assert done.returncode != 0
        assert "left alone" in done.stdout + done.stderr or "another Kubernetes runs here" in done.stdout + done.stderr
    assert (tmp_path / "precious").read_text() == "mine"


def test_the_kubelet_has_a_folder_for_device_plugins_to_itself(lab, neighbour, started):
    assert (
        inode(DEVICE_PLUGINS / "kubelet.sock")
        == inode(Path(STATE) / "kubelet/device-plugins/kubelet.sock")
        != neighbour
    )


def test_removal_leaves_no_trace(lab, before, neighbour, started):
    during = lab.traces()
    lab.play("lab_down")
    after = lab.traces()
    assert inode(DEVICE_PLUGINS / "kubelet.sock") == neighbour
    for kind in ("interfaces", "rules", "cgroups", "mounts", "files"):
        assert during[kind] - before[kind], f"the lab made no {kind}: this test would see nothing"
    for kind in ("interfaces", "rules", "cgroups", "settings"):
        assert after[kind] == before[kind], kind
    for kind in ("processes", "mounts", "files"):
        # Another lab of this machine may come and go meanwhile: only what names this one counts.
        assert not [item for item in after[kind] - before[kind] if "second" in item], kind


def test_removing_again_changes_nothing(lab, started):
    assert changed(lab.play("lab_down")) == 0
