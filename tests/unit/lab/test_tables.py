# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab role's tables agree with each other, and what is rendered from them is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._component import Component
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._pki import Wanted
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe

ROLE = Path(__file__).resolve().parents[3] / "roles" / "lab"
GIVEN = {
    "ansible_facts": {"default_ipv4": {"address": "192.0.2.2"}},
    "__lab_machine": {"nameservers": ["192.0.2.53"]},
}


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return value


def variables(**more):
    found = dict(GIVEN)
    for path in (ROLE / "defaults/main.yml", *sorted((ROLE / "vars").glob("*.yml"))):
        found.update(yaml.safe_load(path.read_text()))
    return trusted({**found, **more})


def rendered(name, **more):
    known = variables(**more)
    return Templar(loader=DataLoader(), variables=known).template(known[name])


def template(name, **more):
    text = trust_as_template((ROLE / "templates" / name).read_text())
    return Templar(loader=DataLoader(), variables=variables(**more)).template(text)


@pytest.fixture(scope="module")
def components():
    return [Component.from_options(item) for item in rendered("__lab_components")]


@pytest.fixture(scope="module")
def recipes():
    rows = rendered("__lab_builds", lab_prometheus_extra_versions=["3.13.5"])
    return {recipe.title: recipe for row in rows for recipe in Recipe.from_options(row)}


def test_every_certificate_that_a_component_names_is_made(components):
    made = {"ca", "sa", *(Wanted.from_options(item).name for item in rendered("__lab_certificates"))}
    pki = rendered("__lab_pki_dir")
    words = [word for component in components for word in (*component.argv, *component.files)]
    named = {match for word in words for match in re.findall(re.escape(pki) + r"/([\w-]+)\.(?:crt|key|pub)", word)}
    assert named <= made


def test_every_file_that_a_component_reads_makes_it_restart(components):
    """Private keys change together with their certificates, so those suffice."""
    state = rendered("lab_state_dir")
    for component in components:
        read = {
            word.partition("=")[2]
            for word in component.argv
            if re.search(r"\.(crt|kubeconfig|yaml|toml|pub)$", word) and state in word
        }
        watched = set(component.files)
        assert read <= watched, component.name


def test_nothing_is_left_to_chance_about_ports(components):
    ports = list(rendered("__lab_ports").values())
    assert len(ports) == len(set(ports)) == 9
    named = {int(port) for component in components for port in re.findall(r":(26\d{3})\b", component.health)}
    assert named <= {int(port) for port in ports}


def test_two_labs_share_nothing():
    other = {
        "lab_name": "second",
        "lab_state_dir": "/var/lib/second",
        "lab_port_base": 27000,
        "lab_bridge": "lab1",
        "lab_pod_cidr": "10.245.0.0/16",
        "lab_service_cidr": "10.97.0.0/16",
    }

    def words(**more):
        text = str(rendered("__lab_components", **more)) + "".join(
            template(name, **more) for name in ("cni.conflist.j2", "containerd.toml.j2", "kubelet.yaml.j2")
        )
        return set(re.findall(r"/var/lib/[\w-]+|\b2[67]\d{3}\b|\blab\d\b|10\.\d+\.0\.0/16|gpu-observability-\w+", text))

    assert words()
    assert not words() & words(**other)


def test_every_image_is_made_of_something_that_is_built(recipes):
    built = {binary for recipe in recipes.values() for binary in recipe.binaries}
    images = yaml.safe_load((ROLE / "vars/images.yml").read_text())["__lab_base_images"]
    named = re.findall(r"__lab_obtained\.links\['([\w-]+)'\]", str(images))
    assert set(named) <= built
    assert len(named) >= 10


def test_module_versions_are_those_the_projects_publish(recipes):
    assert recipes["prometheus 3.14.0"].module_version == "v0.314.0"
    assert recipes["prometheus 3.13.5"].module_version == "v0.313.5"
    assert recipes["kubernetes 1.36.3"].staging_version == "v0.36.3"
    assert "-X k8s.io/component-base/version.gitMinor=36" in recipes["kubernetes 1.36.3"].ldflags
    for recipe in recipes.values():
        if recipe.main:
            assert (ROLE / "files/go" / recipe.main / "main.go").is_file()


def test_only_named_test_tools_are_built():
    def names(**more):
        return {row["name"] for row in rendered("__lab_wanted_builds", **more)}

    assert names(lab_test_tools=["kwok"]) - names() == {"kwok"}
    (row,) = rendered("__lab_tool_builds")
    (recipe,) = Recipe.from_options(row)
    assert recipe.title == "kwok 0.8.0"
    assert recipe.package("kwok") == "sigs.k8s.io/kwok/cmd/kwok"


def test_extra_prometheus_versions_get_images():
    obtained = {"binaries": {"prometheus-3.13.5": {"prometheus": "/c/prometheus", "promtool": "/c/promtool"}}}
    more = {"lab_prometheus_extra_versions": ["3.13.5"], "__lab_obtained": obtained}
    (image,) = yaml.safe_load(template("more_images.yml.j2", **more))
    assert image["reference"] == "lab.local/prometheus:v3.13.5"
    assert image["files"]["/bin/promtool"] == "/c/promtool"
    assert yaml.safe_load(template("more_images.yml.j2")) == []


def test_unit_names_program_and_files(tmp_path):
    read = tmp_path / "config"
    read.write_text("one")
    component = {"name": "containerd", "argv": ["/bin/sh", "--flag=50%"], "files": [str(read)]}
    unit = template("component.service.j2", __lab_component=component)
    assert "ExecStart=/bin/sh --flag=50%%\n" in unit
    assert "Environment=GPU_OBSERVABILITY_LAB=/var/lib/openhands-gpu-observability-lab" in unit
    assert "KillMode=process" in unit
    read.write_text("two")
    assert template("component.service.j2", __lab_component=component) != unit
    assert "KillMode=control-group" in template("component.service.j2", __lab_component={**component, "name": "etcd"})


def test_service_addresses_come_from_the_range():
    assert rendered("__lab_service_api", lab_service_cidr="10.97.0.0/16") == "10.97.0.1"
    assert rendered("__lab_service_dns", lab_service_cidr="172.20.4.0/24") == "172.20.4.10"
