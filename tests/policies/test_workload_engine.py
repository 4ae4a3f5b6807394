"""Workloads of this project in the real engine: their targets count before their ScaledObjects come, and a
TriggerAuthentication that two share outlives either."""

from __future__ import annotations

import json

import pytest

from tests.policies.test_engine import BOTH_SCALE, PACK, ROOT, UNDECIDED, Stack, environment, stack

pytestmark = pytest.mark.engine

__all__ = ["environment", "stack"]

WORKLOADS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})

from components.recipes.generic import Generic
from components.scaled_workload import ScaledWorkload, scale

def workload(name, target, **more):
    trigger = {{"type": "kubernetes-workload", "metadata": {{"podSelector": "app=a", "value": "1"}}}}
    settings = {{"recipe": "generic", "namespace": "voice", "target": {{"name": target}}, "maxReplicas": 3,
        "triggers": [trigger]}}
    return Generic.parse({{**settings, **more}}).models(name, "http://prometheus:9090")

voice = workload("voice", "voice-pipeline")
"""
# As in the program itself: the ScaledObject waits for what takes long, and the HPA's target for its own.
LATE = """
late = ConfigMap("late", metadata=meta("late"))
by_hand = hpa(target=late.id.apply(lambda _: "voice-pipeline"))
chart = ConfigMap("chart", metadata=meta("chart"), opts=pulumi.ResourceOptions(depends_on=[by_hand]))
ScaledWorkload("voice", voice, [chart])
"""


@pytest.mark.parametrize("known", [False, True], ids=["from nothing", "its ScaledObject in the state"])
def test_an_hpa_known_only_in_the_update_is_refused_before_it_is_created(stack: Stack, known: bool) -> None:
    if known:
        stack.program(f"{WORKLOADS}ScaledWorkload('voice', voice)")
        assert stack.pulumi("up", "--yes", "--skip-preview", *PACK).returncode == 0
    stack.program(WORKLOADS + LATE)
    preview = stack.pulumi("preview", *PACK)
    assert preview.returncode == 0, preview.stdout
    assert preview.stdout.count(UNDECIDED) == 1, preview.stdout
    update = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert update.returncode != 0, update.stdout
    assert update.stdout.count(BOTH_SCALE) == 1, update.stdout
    assert not any("by-hand" in name for name in stack.created())
    assert any("late" in name for name in stack.created())  # it was an update, and not refused at once


SHARED = """
redis = {"type": "redis", "metadata": {"address": "redis:6379", "listName": "a", "listLength": "5"},
    "authenticationRef": {"name": "redis"}}
secret = {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]}
more = {"triggers": [redis], "authentications": {"redis": secret}}
both = {name: workload(name, name, **more) for name in ("a", "b")}
"""


@pytest.mark.parametrize("leaving", ["a", "b"])
def test_a_shared_trigger_authentication_stays_for_the_other_workload(stack: Stack, leaving: str) -> None:
    body = f"{WORKLOADS}{SHARED}"
    stack.program(f"{body}scale(both, {{}}, [], pulumi.ResourceOptions())")
    up = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert up.returncode == 0, up.stdout
    assert len([name for name in stack.created() if "triggerauthentication" in name]) == 1
    stack.program(f"{body}del both[{leaving!r}]; scale(both, {{}}, [], pulumi.ResourceOptions())")
    up = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert up.returncode == 0, up.stdout
    assert len([name for name in stack.created() if "triggerauthentication" in name]) == 1
    exported = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    [kept] = [each for each in exported if each["type"].endswith(":TriggerAuthentication")]
    assert kept["urn"].endswith("::voice/redis")


BEFORE = """
from components.custom_resource import custom_resource
component = pulumi.ComponentResource("keda-homelab:workload:ScaledWorkload", "a", {})
[authentication] = both["a"].authentications
custom_resource("a-redis", authentication.to_manifest(), pulumi.ResourceOptions(parent=component))
"""


def test_a_state_of_before_keeps_its_trigger_authentication(stack: Stack) -> None:
    """It was named by its workload: another URN alone would create it anew, and then delete the object."""
    stack.program(f"{WORKLOADS}{SHARED}{BEFORE}")
    assert stack.pulumi("up", "--yes", "--skip-preview").returncode == 0
    stack.program(f"{WORKLOADS}{SHARED}scale({{'a': both['a']}}, {{}}, [], pulumi.ResourceOptions())")
    up = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert up.returncode == 0, up.stdout
    assert len([name for name in stack.created() if "triggerauthentication" in name]) == 1


def test_a_renamed_workload_is_replaced_and_its_old_object_deleted_first(stack: Stack) -> None:
    stack.program(f"{WORKLOADS}ScaledWorkload('voice', voice)")
    assert stack.pulumi("up", "--yes", "--skip-preview", *PACK).returncode == 0
    stack.program(
        f"{WORKLOADS}ScaledWorkload('speech', workload('speech', 'voice-pipeline'), renamed='voice')"
    )
    preview = stack.pulumi("preview", "--json", *PACK)
    assert preview.returncode == 0, preview.stdout
    steps = [each for each in json.loads(preview.stdout)["steps"] if ":ScaledObject" in each["urn"]]
    assert [each["op"] for each in steps] == ["replace"]
    up = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert up.returncode == 0, up.stdout
    assert 0 < up.stdout.find("deleting original") < up.stdout.find("creating replacement"), up.stdout
    [only] = [name for name in stack.created() if "scaledobject" in name]
    assert only.endswith("speech")


def test_a_preview_shows_what_a_change_does_to_the_replicas(stack: Stack) -> None:
    program = f"""{WORKLOADS}
from components.scaled_workload import summarize
voice = workload("voice", "voice-pipeline", maxReplicas=MOST)
ScaledWorkload("voice", voice)
pulumi.export("workloads", {{"voice": summarize(voice)}})
"""
    stack.program(program.replace("MOST", "2"))
    assert stack.pulumi("up", "--yes", "--skip-preview").returncode == 0
    stack.program(program.replace("MOST", "3"))
    preview = stack.pulumi("preview")
    assert preview.returncode == 0, preview.stdout
    shown = " ".join(preview.stdout.split())
    before = "1 -> 1 within 30 s; 2 at most, from 2 on, within 45 s"
    after = "1 -> 1 within 30 s; 2 -> 2 within 45 s; 3 at most, from 3 on, within 45 s"
    assert before in shown and after in shown, preview.stdout
