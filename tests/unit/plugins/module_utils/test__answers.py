# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal means."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify, faults
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

TYPED = "failed to create typed patch object (/x; apps/v1, Kind=Deployment): "
CONVERT = (
    "failed to convert new object (/x; /v1, Kind=Secret) to proper version: "
    "unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data"
)


@pytest.mark.parametrize(
    ("status", "reason", "message", "answer"),
    [
        (0, "BadCertificate", "x", Answer.UNTRUSTED),
        (0, "Unreachable", "x", Answer.UNREACHABLE),
        (401, "Unauthorized", "x", Answer.UNAUTHENTICATED),
        (403, "Forbidden", 'User "x" cannot patch', Answer.FORBIDDEN),
        (403, "Forbidden", "x because it is being terminated", Answer.TERMINATING),
        (404, "NotFound", "x", Answer.NOT_FOUND),
        (409, "Conflict", "Apply failed with 1 conflict: ...", Answer.OWNED),
        (409, "Conflict", "the object has been modified", Answer.STALE),
        (409, "AlreadyExists", "x", Answer.EXISTS),
        (400, "BadRequest", "admission webhook does not support dry run", Answer.NO_DRY_RUN),
        (400, "BadRequest", "x", Answer.INVALID),
        (422, "Invalid", "x", Answer.INVALID),
        (429, "TooManyRequests", "x", Answer.THROTTLED),
        (500, "", TYPED + ".spec.x: field not declared in schema", Answer.INVALID),
        (500, "", CONVERT, Answer.INVALID),
        (500, "InternalError", "x", Answer.TRANSIENT),
        (500, "InternalError", "failed calling webhook x", Answer.WEBHOOK),
        (500, "", "etcdserver: leader changed", Answer.TRANSIENT),
        (500, "InternalError", TYPED + ".data.x: rpc error: connection refused", Answer.INVALID),
        (500, "", "conversion webhook for x/v1, Kind=Y failed: Post: connection refused", Answer.WEBHOOK),
        (500, "", "rpc error: code = Unavailable desc = transport is closing", Answer.TRANSIENT),
        (503, "ServiceUnavailable", "x", Answer.TRANSIENT),
        (302, "", "x", Answer.OTHER),
    ],
)
def test_every_refusal_has_a_class(status, reason, message, answer):
    assert classify(ApiError(status, reason, message)) is answer


def test_the_server_names_its_fields():
    causes = [{"field": "spec.a", "message": "Required value"}, {"field": "spec.b", "message": "Invalid value"}]
    found = faults(ApiError(422, "Invalid", "x is invalid", {"causes": causes}))
    assert found == [("spec.a", "Required value"), ("spec.b", "Invalid value")]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (TYPED + ".spec.nope: field not declared in schema", ("spec.nope", "field not declared in schema")),
        (
            TYPED + '.spec.env[name="A"].value: expected string, got &value.valueUnstructured{Value:1}',
            ('spec.env[name="A"].value', "expected string, got 1"),
        ),
        (TYPED + ".data: expected map, got &{foo}", ("data", "expected map, got foo")),
        (CONVERT, ("", "error decoding from json: illegal base64 data")),
        ("something else", ("", "something else")),
    ],
)
def test_a_bare_500_names_its_field_too(message, expected):
    assert faults(ApiError(500, "", message)) == [expected]


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (ApiError(0, "Unreachable", "https://s:6443 can't be reached: refused"), "Check that the server runs"),
        (ApiError(0, "BadCertificate", "not trusted"), "ca_cert"),
        (ApiError(401, "Unauthorized", "Unauthorized"), "401 Unauthorized. The credentials are wrong or expired"),
        (ApiError(403, "Forbidden", "no."), "no. The login works but lacks rights"),
        (ApiError(418, "", "tea"), "tea."),
    ],
)
def test_an_error_that_stops_everything_names_the_login(error, part):
    endpoint = Endpoint(server="https://s:6443", origin="kubeconfig /c, context x")
    text = explain(error, endpoint).message
    assert text.startswith("kubeconfig /c, context x")
    assert text.count("https://s:6443") == 1
    assert part in text
    assert explain(error, None).message.startswith("API server: ")
