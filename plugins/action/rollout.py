# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Renders on the controller, then runs the engine here (local connection) or on the target by one module call."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _connection_secrets,
    _engine,
    _loader,
    _mask,
    _orphan,
    _registry,
    _render_folder,
    _request_file,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import ROLLOUT_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request, dump_manifests
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _environment, _render, _upstream
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._plain import plain

display = Display()
MODULE = "openhands.gpu_observability.rollout"


class ActionModule(ActionBase):
    """The action behind the task ``rollout``."""

    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = False
    TRANSFERS_FILES = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Run the task."""
        variables = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, variables)
        options = self._options()
        try:
            manifests = self._manifests(options, variables)
            if options["state"] == "rendered":
                result.update(self._render(options, manifests))
            elif self._here():
                result.update(self._run_here(options, manifests, variables))
            else:
                # The module notices that nobody reads its answer; this process is who reads it.
                with _orphan.ends_with_parent(_orphan.parent()):
                    result.update(self._run_there(options, manifests, variables))
        except RolloutError as error:
            secrets = _connection_secrets.of_options(options, {})
            result.update(_mask.scrub_result(error.result, secrets), failed=True)
            result["msg"] = _mask.scrub(error.message, secrets)
        return result

    def _options(self) -> Dict[str, Any]:
        validation = ArgumentSpecValidator(ROLLOUT_ARGSPEC).validate(plain(self._task.args))
        if validation.error_messages:
            raise AnsibleActionFail("rollout: %s" % "; ".join(validation.error_messages))
        return dict(validation.validated_parameters)

    def _here(self) -> bool:
        """Whether the controller is the place to run."""
        local = self._connection.transport in ("local", "ansible.builtin.local")
        return bool(local) and not self._play_context.become

    def _manifests(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> List[Manifest]:
        rendered = _render.of_role(self._task, self._templar, options["templates"], variables)
        manifests = _upstream.load(
            options["upstream"], options["upstream_base"], options["upstream_cache"], self._emitter(options)
        )
        manifests += rendered
        for index, body in enumerate(options["manifests"]):
            manifests += _loader.flatten(body, "manifests[%d]" % index)
        return manifests

    def _schemas(self, options: Mapping[str, Any]) -> List[Manifest]:
        """The definitions of the whole run, whichever component brings them."""
        return _upstream.load(
            options["schemas"], options["upstream_base"], options["upstream_cache"], self._emitter(options)
        )

    def _schemas_to_send(self, options: Mapping[str, Any], manifests: List[Manifest]) -> List[Manifest]:
        """Definitions are megabytes: only check mode asks for other components', and only for kinds of this set."""
        if not self._task.check_mode or not any(_registry.custom(manifest.id.group) for manifest in manifests):
            return []
        return _registry.needed(manifests, self._schemas(options))

    def _emitter(self, options: Mapping[str, Any]) -> Any:
        prefix = options["component"] + ": "

        def emit(line: str) -> None:
            text = line if line.startswith(prefix) else prefix + line
            # What the engine says is clean; an address to fetch from may carry a password.
            display.display("    " + _mask.scrub(text, ()), stderr=True)

        return emit

    def _run_here(
        self, options: Dict[str, Any], manifests: List[Manifest], variables: Mapping[str, Any]
    ) -> Dict[str, Any]:
        request = Request.of(
            options,
            manifests,
            bool(self._task.check_mode),
            bool(self._task.diff),
            lambda: self._schemas(options),
        )
        with _environment.applied(_environment.of_task(self._task, self._templar)):
            return _engine.run(request, self._emitter(options))

    def _render(self, options: Dict[str, Any], manifests: List[Manifest]) -> Dict[str, Any]:
        """Write to a folder of the controller; neither a target nor a cluster has a part in it."""
        if not options["render_to"]:
            raise AnsibleActionFail("rollout: state=rendered needs render_to, the folder to write to")
        return _render_folder.run(
            Request.of(
                options,
                manifests,
                bool(self._task.check_mode),
                bool(self._task.diff),
                lambda: self._schemas(options),
            ),
            os.path.abspath(options["render_to"]),
            options["render_secrets"],
            self._emitter(options),
        )

    def _run_there(
        self, options: Dict[str, Any], manifests: List[Manifest], variables: Mapping[str, Any]
    ) -> Dict[str, Any]:
        """Send the request as a file, so that no secret is among the module's arguments."""
        request = {
            "options": {key: value for key, value in options.items() if key not in ("manifests", "templates")},
            "manifests": dump_manifests(manifests),
            "schemas": dump_manifests(self._schemas_to_send(options, manifests)),
        }
        shell = self._connection._shell  # noqa: SLF001 (no public name)
        folder = shell.tmpdir or self._make_tmp_path()
        remote = shell.join_path(folder, _request_file.name())
        # What a killed run left of its request goes with the next one.
        _request_file.sweep(os.path.join(tempfile.gettempdir(), "rollout-*"))
        with tempfile.TemporaryDirectory(prefix="rollout-") as private:
            path = os.path.join(private, _request_file.name())
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
                json.dump(request, stream)
            self._transfer_file(path, remote)
        self._fixup_perms2((folder, remote))
        arguments = {"component": options["component"], "request_file": remote}
        answer: Dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=dict(variables)
        )
        for line in answer.pop("progress", []):
            display.display("    " + line, stderr=True)
        return answer
