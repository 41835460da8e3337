# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that settings name are looked for before the rollout, and never shown."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _secret_check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from fake_server import FakeServer
from rules.rendering import role_variables

VALUE = "aHVudGVyMg=="
SLACK = {"variable": "alertmanager_slack_secret", "namespace": "here", "name": "slack", "key": "url"}
PATH = "/api/v1/namespaces/here/secrets/slack"


@pytest.fixture
def server():
    made = FakeServer("here")
    made.put(PATH, {"apiVersion": "v1", "kind": "Secret", "data": {"url": VALUE, "other": VALUE}})
    return made


def look(server, *secrets):
    return _secret_check.run({"secrets": list(secrets)}, client=server)


def test_what_is_there_is_fine(server):
    assert look(server, SLACK) == {"changed": False, "missing": [], "pending": [], "unread": []}
    assert look(server, {**SLACK, "key": None})["missing"] == []


def test_all_that_is_missing_is_named_with_its_variable(server):
    pager = {**SLACK, "variable": "alertmanager_pagerduty_secret", "name": "pager"}
    with pytest.raises(RolloutError) as caught:
        look(server, {**SLACK, "key": "address"}, pager)
    first, second = caught.value.message.splitlines()
    assert first == (
        "alertmanager_slack_secret names the Secret here/slack, which has no key address (it has: other, url)"
    )
    assert second == (
        "alertmanager_pagerduty_secret names the Secret here/pager, which doesn't exist. "
        "Create it: kubectl --namespace here create secret generic pager --from-file=url=FILE"
    )
    assert VALUE not in str(caught.value.result)


def test_a_namespace_that_is_still_to_come_is_no_failure(server):
    (said,) = look(server, {**SLACK, "namespace": "new"})["pending"]
    assert "the namespace isn't there yet. Create both before the rollout: kubectl --namespace new" in said


def test_who_may_not_read_secrets_is_told_so(server):
    server.refuse["GET " + PATH] = [ApiError(403, "Forbidden", "no")]
    assert look(server, SLACK)["unread"] == [
        "alertmanager_slack_secret names the Secret here/slack, which this login may not read"
    ]


def test_the_role_looks_for_every_secret_that_it_names():
    known = role_variables("alertmanager") | {
        "alertmanager_slack_secret": {"name": "slack", "key": "url"},
        "alertmanager_webhooks": [
            {"name": "a", "url": "http://x"},
            {"name": "b", "secret": {"name": "hook", "key": "u"}},
        ],
    }
    named = Templar(loader=DataLoader(), variables=known).template(known["__alertmanager_named_secrets"])
    assert named == [
        {"variable": "alertmanager_slack_secret", "namespace": "monitoring", "name": "slack", "key": "url"},
        {"variable": "alertmanager_webhooks", "namespace": "monitoring", "name": "hook", "key": "u"},
    ]
