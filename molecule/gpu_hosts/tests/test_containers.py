# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers and metrics have on the hosts, before and after other releases were there."""

from __future__ import annotations

import pytest

TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)
DCGM = tuple(f"datacenter-gpu-manager-4-{end}" for end in ("core", "cuda12", "proprietary", "proprietary-cuda12"))
EXPORTER = "datacenter-gpu-manager-exporter"
VERSIONS = {**dict.fromkeys(TOOLKIT, "1.20.0-1"), **dict.fromkeys(DCGM, "1:4.5.3-1"), EXPORTER: "4.8.2-1"}
DROP_IN = "/etc/containerd/conf.d/99-nvidia.toml"
PENDING = "/run/openhands-gpu-observability/containerd-restart"


@pytest.mark.parametrize("package", sorted(VERSIONS))
def test_packages_have_the_wanted_version(host, package):
    assert host.package(package).version == VERSIONS[package]


def test_an_upgrade_of_the_host_moves_nothing_of_them(host):
    held = set(host.check_output("apt-mark showhold").split())
    assert set(VERSIONS) <= held
    # The repositories have newer releases of DCGM and the exporter.
    assert "4.8.3-1" in host.check_output(f"apt-cache policy {EXPORTER}")
    simulated = host.check_output("apt-get -s -q dist-upgrade").splitlines()
    assert not [line for line in simulated if line.startswith("Inst ") and line.split()[1] in VERSIONS]


def test_containerd_has_the_runtime_and_keeps_what_it_had(host):
    settings = host.check_output("containerd config dump")
    assert f'"{DROP_IN}"' in next(line for line in settings.splitlines() if line.startswith("imports = "))
    assert 'BinaryName = "/usr/bin/nvidia-container-runtime"' in settings
    assert 'default_runtime_name = "runc"' in settings
    assert "containerd.runtimes.runc]" in settings
    assert " ok" in host.check_output("ctr plugins ls id==cri")
    assert 'bin_dir = "/usr/lib/cni"' in settings


def test_containerd_knows_its_settings_or_a_restart_is_pending(host):
    run = host.check_output("systemctl show -P InvocationID containerd")
    started = int(host.check_output('date +%s -d "$(systemctl show -P ActiveEnterTimestamp containerd)"'))
    # Written when what the settings say changed: nvidia-ctk writes the same anew in every run.
    knows = started >= int(host.check_output(f"stat -c %Y {PENDING}"))
    assert knows != (host.file(PENDING).content_string == run)
    assert host.service("containerd").is_running


def test_the_specification_for_containers_follows_the_driver(host):
    assert host.service("nvidia-cdi-refresh.service").is_enabled
    path = host.service("nvidia-cdi-refresh.path")
    assert path.is_enabled
    assert path.is_running
    assert host.file("/run/cdi/nvidia.yaml").contains("kind: nvidia.com/gpu")
    assert "SuccessExitStatus=1 2 127" in host.check_output("systemctl cat nvidia-cdi-refresh.service")


@pytest.mark.parametrize("unit", ["nvidia-dcgm", "nvidia-dcgm-exporter"])
def test_dcgm_runs_and_starts_with_the_host(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_the_exporter_serves_our_counters_from_the_host_engine(host, inventory):
    port = inventory["dcgm_exporter_port"]
    command = host.check_output("systemctl show -P ExecStart nvidia-dcgm-exporter")
    assert "--collectors=/etc/dcgm-exporter/openhands-counters.csv" in command
    assert "--remote-hostengine-info=localhost:5555" in command
    asking = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())"
    served = host.check_output(f'python3 -c "{asking}"')
    for field in ("DCGM_EXP_XID_ERRORS_COUNT", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_ROW_REMAP_PENDING"):
        assert f"{field}{{" in served


def test_the_exporter_writes_to_the_journal(host):
    assert host.check_output("systemctl show -P StandardOutput nvidia-dcgm-exporter") == "journal"
