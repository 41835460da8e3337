# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Argument specifications that several plugins share."""

from __future__ import annotations

from typing import Any, Dict

ArgumentSpec = Dict[str, Dict[str, Any]]

CONNECTION_ARGSPEC: ArgumentSpec = {
    "kubeconfig": {"type": "raw", "no_log": True},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"], "no_log": False},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "proxy": {"type": "str", "no_log": True},
    "no_proxy": {"type": "str"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
}

TRANSFORM_OPTIONS: ArgumentSpec = {
    "image_mirror": {"type": "str", "default": ""},
    "image_overrides": {"type": "dict", "default": {}},
    "pull_secrets": {"type": "list", "elements": "raw", "default": [], "no_log": False},
    "tolerations": {"type": "list", "elements": "dict", "default": []},
    "node_selector": {"type": "dict", "default": {}},
    "labels": {"type": "dict", "default": {}},
}

CONDITION_OPTIONS: ArgumentSpec = {
    "api_version": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True},
    "name": {"type": "str"},
    "current": {"type": "str", "required": True},
    "failed": {"type": "str"},
}

OVERRIDE_OPTIONS: ArgumentSpec = {
    "api_version": {"type": "str"},
    "kind": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "merge": {"type": "dict", "required": True},
}

OBJECT_OPTIONS: ArgumentSpec = {
    "api_version": {"type": "str"},
    "kind": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str"},
}
"""One object of a set; what is left out matches any."""

TAKE_OVER_OPTIONS: ArgumentSpec = {
    **OBJECT_OPTIONS,
    "fields": {"type": "list", "elements": "str", "required": True},
}

UPSTREAM_OPTIONS: ArgumentSpec = {
    "path": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
}

ROLLOUT_ARGSPEC: ArgumentSpec = {
    "component": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "inventory_namespace": {"type": "str"},
    "templates": {"type": "list", "elements": "str", "default": []},
    "upstream": {"type": "list", "elements": "dict", "default": [], "options": UPSTREAM_OPTIONS},
    "schemas": {"type": "list", "elements": "dict", "default": [], "options": UPSTREAM_OPTIONS},
    "upstream_base": {"type": "str", "default": "https://raw.githubusercontent.com"},
    "upstream_cache": {"type": "path"},
    "manifests": {"type": "list", "elements": "dict", "default": [], "no_log": False},
    "overrides": {"type": "list", "elements": "dict", "default": [], "options": OVERRIDE_OPTIONS},
    "transform": {"type": "dict", "options": TRANSFORM_OPTIONS},
    "conditions": {"type": "list", "elements": "dict", "default": [], "options": CONDITION_OPTIONS},
    "existing": {"type": "str", "choices": ["stop", "adopt"], "default": "stop"},
    "take_over": {"type": "list", "elements": "dict", "default": [], "options": TAKE_OVER_OPTIONS},
    "recreate": {"type": "list", "elements": "dict", "default": [], "options": OBJECT_OPTIONS},
    "prune": {"type": "bool", "default": True},
    "delete_data": {"type": "list", "elements": "dict", "default": [], "options": OBJECT_OPTIONS},
    "lease_wait": {"type": "int", "default": 0},
    "render_to": {"type": "path"},
    "render_secrets": {"type": "bool", "default": False, "no_log": False},
    "state": {"type": "str", "choices": ["present", "absent", "rendered"], "default": "present"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
    **CONNECTION_ARGSPEC,
}

MODULE_ONLY: ArgumentSpec = {"request_file": {"type": "path"}}
"""How the action hands a rendered set to the module: a file only its owner reads, gone once read."""

RESOURCE_OPTIONS: ArgumentSpec = {
    "api_version": {"type": "str", "default": "v1"},
    "kind": {"type": "str", "required": True},
    "namespace": {"type": "str"},
    "name": {"type": "str"},
    "label_selector": {"type": "str"},
}

ROLLOUT_INFO_ARGSPEC: ArgumentSpec = {
    "component": {"type": "str"},
    "inventory_namespace": {"type": "str"},
    "resources": {
        "type": "list",
        "elements": "dict",
        "options": RESOURCE_OPTIONS,
        "mutually_exclusive": [["name", "label_selector"]],
    },
    "running": {"type": "bool", "default": False},
    "conditions": {"type": "list", "elements": "dict", "default": [], "options": CONDITION_OPTIONS},
    **CONNECTION_ARGSPEC,
}

SURVEY_OPTIONS: ArgumentSpec = {
    "name": {"type": "str", "required": True},
    "existing": {"type": "str", "choices": ["stop", "adopt", "use"], "default": "stop"},
    "own": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "kind": {"type": "str", "required": True},
            "namespace": {"type": "str"},
            "name": {"type": "str", "required": True},
        },
    },
    "host_ports": {"type": "list", "elements": "int", "default": []},
    "arguments": {"type": "list", "elements": "str", "default": []},
    "namespaces": {"type": "list", "elements": "str", "default": []},
}

CLUSTER_SURVEY_ARGSPEC: ArgumentSpec = {
    "namespace": {"type": "str"},
    "agents_namespace": {"type": "str"},
    "components": {"type": "list", "elements": "dict", "default": [], "options": SURVEY_OPTIONS},
    **CONNECTION_ARGSPEC,
}

SECRET_CHECK_ARGSPEC: ArgumentSpec = {
    "secrets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "no_log": False,
        "options": {
            "variable": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "key": {"type": "str", "no_log": False},
        },
    },
    **CONNECTION_ARGSPEC,
}

DRAIN_OPTIONS: ArgumentSpec = {
    "scope": {"type": "str", "choices": ["gpu", "all"], "default": "all"},
    "timeout": {"type": "int", "default": 600},
    "grace": {"type": "int"},
    "busy": {"type": "str", "choices": ["skip", "wait"], "default": "skip"},
    "wait_timeout": {"type": "int", "default": 3600},
    "wait_for": {"type": "str", "default": "gpu-observability.openhands.dev/wait-for-completion"},
    "delete_empty_dir": {"type": "bool", "default": False},
    "delete_unmanaged": {"type": "bool", "default": False},
}

NODE_MAINTENANCE_ARGSPEC: ArgumentSpec = {
    "state": {
        "type": "str",
        "required": True,
        "choices": ["inspected", "drained", "returned", "released", "failed", "ended"],
    },
    "node": {"type": "str", "required": True},
    "run": {"type": "str", "default": ""},
    "what": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "drain": {"type": "dict", "default": {}, "options": DRAIN_OPTIONS},
    "pause": {"type": "dict", "default": {"gpu-observability.openhands.dev/gpu-clients": "paused"}},
    "budget": {"type": "str", "default": ""},
    "fleet": {"type": "str", "default": ""},
    "ceph": {"type": "str", "choices": ["auto", "ignore"], "default": "auto"},
    "failure_domain": {"type": "str", "default": "topology.kubernetes.io/zone"},
    "ceph_timeout": {"type": "int", "default": 600},
    "ready_timeout": {"type": "int", "default": 1800},
    "expected_gpus": {"type": "int", "default": 0},
    "namespace": {"type": "str", "default": "kube-system"},
    "lease_seconds": {"type": "int", "default": 7200},
    **CONNECTION_ARGSPEC,
}

NODE_LABELS_ARGSPEC: ArgumentSpec = {
    "state": {"type": "str", "choices": ["present", "seen"], "default": "present"},
    "nodes": {"type": "list", "elements": "str", "required": True},
    "perhaps": {"type": "list", "elements": "str", "default": []},
    "labels": {"type": "dict", "required": True},
    "what": {"type": "str", "default": ""},
    **CONNECTION_ARGSPEC,
}

ALERT_SILENCE_ARGSPEC: ArgumentSpec = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "matchers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "label": {"type": "str", "required": True},
            "value": {"type": "str", "required": True},
            "regex": {"type": "bool", "default": False},
        },
    },
    "minutes": {"type": "int", "default": 120},
    "comment": {"type": "str", "default": ""},
    "required": {"type": "bool", "default": False},
    "namespace": {"type": "str", "default": "monitoring"},
    "service": {"type": "str", "default": "alertmanager"},
    "port": {"type": "str", "default": "web"},
    "path_prefix": {"type": "str", "default": ""},
    **CONNECTION_ARGSPEC,
}
