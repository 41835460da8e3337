#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare the machine for the lab, or put it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_host
short_description: Prepare this machine for the embedded lab, or remove the lab from it
version_added: 0.1.0
description:
  - V(state=present) notes how the machine is, makes the lab's cgroup, makes the root mount shared (which pods that look at the node need), and
    clears away what the container runtime of an earlier boot left.
  - V(state=absent) stops every process of the lab, its pods included, and removes its mounts, interfaces, packet filter rules, cgroup and files,
    and puts kernel settings back. Only what carries the lab's own marks is touched; a folder that no lab made is refused.
  - Chains of Kubernetes are left in place while node agents of another cluster run in the same network namespace.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  state:
    description: Whether the lab shall be able to run here, or be gone.
    type: str
    choices: [present, absent]
    default: present
  state_dir:
    description: State folder of the lab.
    type: path
    required: true
  cgroup:
    description: Name of its cgroup.
    type: str
    required: true
  network:
    description: Name of its CNI network.
    type: str
    required: true
  bridge:
    description: Name of its bridge.
    type: str
    required: true
attributes:
  check_mode:
    support: none
    description: Not supported; the task is skipped.
"""

EXAMPLES = r"""
- name: Remove the lab
  openhands.gpu_observability.lab_host:
    state: absent
    state_dir: /var/lib/openhands-gpu-observability-lab
    cgroup: gpu-observability-lab
    network: gpu-observability-lab
    bridge: lab0
"""

RETURN = r"""
done:
  description: What was changed or removed.
  type: list
  elements: str
  returned: always
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _before
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._broom import NODE_AGENTS, Broom
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._process import ProcFs

CPUSET = ("cpuset.cpus", "cpuset.mems")
DEVICE_PLUGINS = "/var/lib/kubelet/device-plugins"
OWN_PLUGINS = "kubelet/device-plugins"


def prepare(module: AnsibleModule, broom: Broom) -> list[str]:
    """Have the machine ready; returns what was done."""
    done = []
    state_dir = broom.state_dir
    os.makedirs(state_dir, mode=0o711, exist_ok=True)
    if _before.load(state_dir) is None:
        refuse_foreign_folder(module, state_dir)
        _before.save(state_dir, _before.survey())
        done.append("noted how the machine was")
    if _before.survey().propagation != "shared":
        module.run_command(["mount", "--make-shared", "/"], check_rc=True)
        done.append("made the root mount shared")
    # A kubelet that runs has its socket where it was when it started.
    if not broom.pids(NODE_AGENTS):
        done += own_device_plugins(module, state_dir)
    mounts = (read_or_none("/proc/mounts") or b"").decode(errors="replace")
    folders = [folder for folder in _before.cgroup_folders(mounts, broom.cgroup) if not os.path.isdir(folder)]
    done.extend(f"made {folder}" for folder in folders if enable_cgroup(folder))
    return done + broom.dead_runtime()


def own_device_plugins(module: AnsibleModule, state_dir: str) -> list[str]:
    """Give this lab's kubelet a folder of its own at the path that is fixed in every kubelet, which empties it when it starts."""
    own = os.path.join(state_dir, OWN_PLUGINS)
    for folder in (own, DEVICE_PLUGINS):
        os.makedirs(folder, mode=0o750, exist_ok=True)
    if os.path.samefile(own, DEVICE_PLUGINS):
        return []
    module.run_command(["mount", "--bind", own, DEVICE_PLUGINS], check_rc=True)
    return [f"mounted {own} at {DEVICE_PLUGINS}"]


def shared_device_plugins(module: AnsibleModule, state_dir: str) -> list[str]:
    """Take the lab's folder away again; another lab's below it, or the machine's own, comes to light."""
    own = os.path.join(state_dir, OWN_PLUGINS)
    if not os.path.isdir(own) or not os.path.isdir(DEVICE_PLUGINS) or not os.path.samefile(own, DEVICE_PLUGINS):
        return []
    module.run_command(["umount", "--lazy", DEVICE_PLUGINS], check_rc=True)
    return [f"mount {DEVICE_PLUGINS}"]


def enable_cgroup(folder: str) -> bool:
    """Make a cgroup that can hold pods; False in a hierarchy that can't (such as the v2 one of a hybrid machine)."""
    parent = os.path.dirname(folder)
    controllers = (read_or_none(os.path.join(parent, "cgroup.controllers")) or b"").decode().split()
    if os.path.exists(os.path.join(parent, "cgroup.controllers")):
        if "memory" not in controllers:
            return False
        with open(os.path.join(parent, "cgroup.subtree_control"), "w", encoding="ascii") as handle:
            handle.write(" ".join("+" + name for name in controllers))
    os.mkdir(folder)
    for name in CPUSET:
        # A v1 cpuset starts empty, and nothing can run in it.
        inherited = read_or_none(os.path.join(parent, name))
        if inherited and not os.path.exists(os.path.join(folder, "cgroup.controllers")):
            with open(os.path.join(folder, name), "wb") as handle:
                handle.write(inherited)
    return True


def remove(module: AnsibleModule, broom: Broom) -> list[str]:
    """Have no trace of the lab; returns what was removed."""
    state_dir = broom.state_dir
    before = _before.load(state_dir)
    if before is None:
        refuse_foreign_folder(module, state_dir)
    done = broom.stop(broom.pids(NODE_AGENTS), grace=3)
    done += broom.stop(broom.container_pids(), grace=3)
    done += broom.stop(broom.pids(), grace=3)
    done += broom.shim_sockets() + broom.cni_results() + broom.log_links()
    done += shared_device_plugins(module, state_dir) + broom.unmount(state_dir)
    if before is not None:
        done += broom.rules(kubernetes=not foreign_agents(broom))
    done += broom.interfaces() if before is not None else []
    done += broom.cgroups()
    if before is not None:
        done += put_back(module, before)
    if os.path.isdir(state_dir):
        shutil.rmtree(state_dir)
        done.append(state_dir)
    return done


def refuse_foreign_folder(module: AnsibleModule, state_dir: str) -> None:
    """Fail when there is something in the folder that no lab put there."""
    if os.path.isdir(state_dir) and os.listdir(state_dir):
        module.fail_json(
            msg=f"lab_state_dir: {state_dir} holds files but was not made by a lab (it has no {_before.NOTE}), so it is"
            " left alone. Name an empty or a new folder.",
            done=[],
        )


def foreign_agents(broom: Broom) -> bool:
    """Whether another cluster's node agent works with the same packet filter."""
    proc: ProcFs = broom.proc
    here, ours = proc.namespace(os.getpid(), "net"), set(broom.pids())
    return any(
        os.path.basename((proc.cmdline(pid) or [""])[0]) in NODE_AGENTS
        and pid not in ours
        and proc.namespace(pid, "net") == here
        for pid in proc.pids()
    )


def put_back(module: AnsibleModule, before: _before.Before) -> list[str]:
    """Restore what lies outside of the state folder."""
    done = []
    for name, value in _before.to_restore(before, _before.survey()):
        with open(os.path.join("/proc/sys", name), "w", encoding="ascii") as handle:
            handle.write(value)
        done.append(f"put {name} back to {value}")
    if before.propagation == "private" and _before.survey().propagation == "shared":
        module.run_command(["mount", "--make-private", "/"], check_rc=True)
        done.append("made the root mount private again")
    if DEVICE_PLUGINS not in before.existed and os.path.isdir(DEVICE_PLUGINS):
        shutil.rmtree(DEVICE_PLUGINS)
        done.append(DEVICE_PLUGINS)
    for path in _before.SHARED_FOLDERS:
        if path in before.existed or not os.path.lexists(path):
            continue
        if os.path.isdir(path):
            if not os.listdir(path):
                os.rmdir(path)
                done.append(path)
        elif os.path.getsize(path) == 0:
            os.unlink(path)
            done.append(path)
    return done


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "state_dir": {"type": "path", "required": True},
            "cgroup": {"type": "str", "required": True},
            "network": {"type": "str", "required": True},
            "bridge": {"type": "str", "required": True},
        },
    )
    options = module.params
    broom = Broom(options["state_dir"], options["cgroup"], options["network"], options["bridge"], module.run_command)
    action = prepare if options["state"] == "present" else remove
    try:
        done = action(module, broom)
    except OSError as error:
        module.fail_json(msg=f"The machine can't be {'prepared' if action is prepare else 'cleared'}: {error}", done=[])
    module.exit_json(changed=bool(done), done=done)


if __name__ == "__main__":
    main()
