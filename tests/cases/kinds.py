"""The right answer to each file of the field reports, and the tests that hold further members of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Answer(NamedTuple):
    """`findings`: "severity rule: words of its message or fix" of each, in the order of the output."""

    findings: tuple[str, ...] = ()
    code: int | None = None
    """The exit code; None: 1 with an error, else 0."""


class Kind(NamedTuple):
    """`answers` by the file's end; the samples are `<kind><end>`. `members`: `room/module::test`."""

    answers: Mapping[str, Answer]
    members: tuple[str, ...] = ()


def _of(*findings: str, good: bool = True, code: int | None = None, end: str = ".yaml") -> dict[str, Answer]:
    good_twin = {".good.yaml": Answer()} if good else {}
    return {end: Answer(findings, code), **good_twin}


def _silent(end: str = ".yaml", code: int = 0) -> dict[str, Answer]:
    return {end: Answer((), code)}


_SETTINGS, _REFERENCES = "keda/checks/test_field_settings", "keda/checks/test_field_references"
_UNSEEN, _KUSTOMIZE, _FLUX = (
    "keda/commands/test_unseen",
    "keda/manifests/test_kustomize",
    "keda/manifests/test_flux",
)
_RANGE = "error query-result-type: Write a function around the range"
_FOLDER = ""

FIELD: Mapping[str, Kind] = {
    "02-ratio-average-value": Kind(
        _of("warning query-metric-type: Write metricType: Value, or query the total"),
        (f"{_SETTINGS}::test_ratios_in_their_writings", f"{_SETTINGS}::test_a_ratio_against_a_threshold"),
    ),
    "03-cron-end-without-start": Kind(
        _of(
            "warning cron-window: the window of Fri 06:30 does not end on Fri 22:10, it runs on to Sun 22:10"
        ),
        (f"{_SETTINGS}::test_windows_that_are_not_what_they_seem", f"{_SETTINGS}::test_windows_that_are"),
    ),
    "07-formula-cpu": Kind(
        _of("error modifiers-formula: names cpu_load, a cpu trigger"),
        (
            f"{_SETTINGS}::test_a_resource_trigger_in_a_formula",
            "keda/checks/test_formulas::test_a_formula_that_keda_refuses",
        ),
    ),
    "10b-scaledown-disabled-min0": Kind(
        _of("warning scale-down-disabled: Write minReplicaCount: 1", good=False),
        (f"{_SETTINGS}::test_scale_down_disabled",),
    ),
    "11-behavior-in-spec": Kind(
        _of("error unknown-field: Move it to spec.advanced.horizontalPodAutoscalerConfig.behavior."),
        (f"{_REFERENCES}::test_keys_that_have_another_place",),
    ),
    "13-paused-false-and-replicas": Kind(
        _of("warning paused-contradiction: stays at 0 replicas"),
        (f"{_SETTINGS}::test_pauses", f"{_SETTINGS}::test_a_pause_under_another_prefix_is_none"),
    ),
    "14-workload-other-namespace": Kind(
        _of("warning workload-namespace: Count them with a prometheus trigger"),
        (f"{_REFERENCES}::test_where_pods_are_counted",),
    ),
    "15-api-key-without-authmode": Kind(
        _of("warning credentials-not-sent: Write authModes: apiKey."),
        (f"{_REFERENCES}::test_credentials_that_are_not_sent",),
    ),
    "20-servicebus-connection": Kind(
        _of(
            "error trigger-parameter: connection: is not read from metadata",
            "error misspelt-parameter: Write messageCount.",
        ),
        (
            f"{_REFERENCES}::test_every_parameter_of_every_scaler_is_judged_by_its_sources",
            f"{_REFERENCES}::test_what_is_missing_because_of_its_place_is_told_once",
        ),
    ),
    "21b-postgres-password": Kind(
        _of("warning misplaced-parameter: password: is not read from metadata by the postgresql", good=False),
        (f"{_REFERENCES}::test_from_env_that_is_not_read",),
    ),
    "24c-cloudwatch-min-value": Kind(_silent(), (f"{_SETTINGS}::test_what_says_what_no_data_means",)),
    "25-eventhub-no-strategy": Kind(
        _of("warning checkpoint-strategy: Write checkpointStrategy: blobMetadata"),
        (f"{_SETTINGS}::test_checkpoint_strategies",),
    ),
    "27-sqs-pod-identity-in-trigger": Kind(
        _of("error trigger-parameter: Write identityOwner: operator"),
        (
            f"{_REFERENCES}::test_ways_out_without_an_identity",
            f"{_REFERENCES}::test_the_identity_of_a_cloud_is_a_way_out",
        ),
    ),
    "28-short-service-name": Kind(
        _of("warning address-elsewhere: Write scaling-api.web.svc as the host."),
        (f"{_REFERENCES}::test_addresses",),
    ),
    "35-range-vector": Kind(
        _of(_RANGE, "error trigger-name-twice: Give it a name of its own.", good=False),
        (f"{_SETTINGS}::test_what_a_query_gives", f"{_SETTINGS}::test_log_lines_are_no_number"),
    ),
    "35b-range-only": Kind(_of(_RANGE, good=False), (f"{_SETTINGS}::test_what_a_query_gives",)),
    "39-rabbit-tls-in-metadata": Kind(
        _of("warning misplaced-parameter: tls: is not read from metadata by the rabbitmq scaler"),
        (f"{_REFERENCES}::test_the_name_of_a_variable_in_place_of_its_value",),
    ),
    "41-deploymentconfig": Kind(
        _of("error target-not-scalable: Write apiVersion: apps.openshift.io/v1."),
        (f"{_REFERENCES}::test_kinds_of_other_groups",),
    ),
    "51-envfrom-prefix": Kind(
        _of("error unknown-variable: Write KAFKA_BOOTSTRAP_SERVERS."), (f"{_REFERENCES}::test_variables",)
    ),
    "52-env-in-second-container": Kind(
        _of("error unknown-variable: write spec.scaleTargetRef.envSourceContainerName: worker."),
        (f"{_REFERENCES}::test_variables",),
    ),
    "53-cluster-auth-secret-namespace": Kind(
        _of("warning cluster-secret-namespace: Put the Secret into KEDA's namespace"),
        (f"{_REFERENCES}::test_where_a_cluster_authentication_reads",),
    ),
    "61-azp-accurate": Kind(
        _of("warning job-strategy-unfit: Write strategy: default."),
        (f"{_SETTINGS}::test_strategies_and_runners",),
    ),
}
REPOS: Mapping[str, Kind] = {
    "01-flux-substitution": Kind(
        _silent(), (f"{_FLUX}::test_in_any_trigger", f"{_FLUX}::test_what_a_variable_becomes")
    ),
    "02-loki-dashboard": Kind(_silent(), ("keda/checks/test_query_languages::test_the_data_source_tells",)),
    "04-target-by-helmrelease": Kind(
        _silent(),
        (
            f"{_UNSEEN}::test_of_objects_that_are_not_seen_nothing_is_missing",
            f"{_UNSEEN}::test_the_releases_of_other_tools_may_be_what_is_missing",
        ),
    ),
    "05-scaledjob-restartpolicy": Kind(_silent(), (f"{_SETTINGS}::test_restart_policies",)),
    "07-kustomize-secretgenerator": Kind(_silent(_FOLDER)),
    "08-kustomize-namespace": Kind(_silent(_FOLDER)),
    "09-kustomize-overlays": Kind(_silent(_FOLDER), (f"{_KUSTOMIZE}::test_roots_do_not_meet",)),
    "10-kustomize-patch": Kind(_silent(_FOLDER)),
    "11-unread-file": Kind(_silent(_FOLDER, 2), (f"{_UNSEEN}::test_a_broken_document_costs_itself_only",)),
    "15-optional-secret-key": Kind(
        _of("warning optional-secret-key: Write one of its keys: url.", good=False)
    ),
    "19-connection-env-name": Kind(
        _of("error trigger-parameter: Write connectionFromEnv: AzureWebJobsStorage.", good=False),
        (
            f"{_REFERENCES}::test_the_name_of_a_variable_in_place_of_its_value",
            f"{_REFERENCES}::test_the_name_of_a_variable_as_an_address",
        ),
    ),
    "24-yaml-merge-tag": Kind(_silent()),
    "26-not-kubernetes": Kind(_silent(_FOLDER), (f"{_UNSEEN}::test_what_is_not_kubernetes_is_passed_over",)),
    "27-helm-chart": Kind(_silent(_FOLDER)),
    "M1-apiversion-missing": Kind(
        _of("error unknown-kind: Write apiVersion: keda.sh/v1alpha1.", good=False),
        (f"{_REFERENCES}::test_kinds_and_their_group",),
    ),
    "M3-pod-template-unknown-field": Kind(
        _of(
            "error unknown-field: Write labels.",
            "error unknown-field: Write image.",
            'error unknown-field: resources.limits["nvidia.com/gpu"].',
            "error wrong-type: Write a whole number, without quotes.",
            good=False,
        ),
        ("keda/checks/test_pod_template::test_what_the_crd_refuses",),
    ),
}


class Refusal(NamedTuple):
    """What a preview with the pack gives: whether it is refused, and what its output has, and has not."""

    refused: bool
    has: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    needs_cluster: bool = False


_AROUND, _ENGINE = "policies/test_surroundings", "policies/test_keda_check_engine"
_TWO = "keda-one-owner-hpa"
PACK: Mapping[str, Refusal] = {
    "01": Refusal(
        True,
        ("[unknown-scaler]", "[misspelt-parameter]", "[query-syntax]", "[replica-bounds]"),
        members=("policies/test_keda_check::test_every_error_refuses_its_failing_example_and_not_the_other",),
    ),
    "02": Refusal(
        True,
        (_TWO, "HorizontalPodAutoscaler ns/hpa and ScaledObject ns/so both scale Deployment ns/web"),
        members=(f"{_AROUND}::test_owners_of_one_cluster_meet_however_it_is_written",),
    ),
    "05": Refusal(
        True,
        (_TWO, "tree/h.yaml:1"),
        members=(f"{_AROUND}::test_the_programs_folder_is_that_of_its_project_file",),
    ),
    "06": Refusal(
        False,
        ("is shown to no policy",),
        members=(f"{_AROUND}::test_a_provider_that_only_reads_is_named_once",),
        needs_cluster=True,
    ),
    "08": Refusal(
        True,
        ("policy config keda-webhook-availability.replica: unknown key. No rule reads it. Write replicas.",),
        members=(f"{_ENGINE}::test_a_mistake_in_the_config_ends_the_command",),
    ),
    "10": Refusal(
        False,
        ("keda-rules-undecided", "Chart app registers no object in this preview"),
        members=(f"{_AROUND}::test_a_component_without_objects_is_named",),
    ),
    "14": Refusal(
        True,
        (_TWO, "HorizontalPodAutoscaler ns/hpa-<"),
        members=(f"{_AROUND}::test_a_generated_name_hides_no_second_owner",),
    ),
    "16": Refusal(
        True,
        ("InferenceService ns/m", "OpenTelemetryCollector ns/otel", "DatadogPodAutoscaler ns/dpa"),
        members=(f"{_AROUND}::test_a_decisive_field_that_is_unknown_is_named",),
    ),
    "18": Refusal(
        True,
        ("keda-gpu-budget", "each pod with 1 nvidia.com/gpu, requests 50, and the cluster has 4"),
        members=(f"{_AROUND}::test_gpus_of_init_containers_count_as_kubernetes_counts",),
    ),
    "21": Refusal(
        False,
        never=(_TWO,),
        members=(f"{_AROUND}::test_directories_of_rendered_files_are_clusters_of_their_own",),
    ),
    "22": Refusal(
        False,
        never=("keda-one-owner-replicas",),
        members=(f"{_AROUND}::test_replicas_that_pulumi_leaves_alone_in_any_spelling",),
    ),
    "25": Refusal(
        False,
        never=("failed to run policy", "unhashable"),
        members=(f"{_AROUND}::test_malformed_properties_break_no_policy",),
    ),
    "26": Refusal(
        True,
        (_TWO, "ns/hpa\\x1b[31m\\nFAKE LINE and ScaledObject ns/(secret)"),
        ("TOPSECRETNAME", "\x1b[31m", "\nFAKE LINE"),
        (
            f"{_AROUND}::test_a_name_is_printed_escaped",
            f"{_AROUND}::test_a_name_that_is_a_secret_is_not_printed",
        ),
    ),
}
