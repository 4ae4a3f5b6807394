"""The stack: KEDA, then dashboards and workloads. Every choice is in Pulumi.<stack>.yaml."""

import signal
import sys
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).parent))

from components.adoption import release_adopted_hpas  # noqa: E402
from components.cluster_guard.component import ClusterGuard  # noqa: E402
from components.load import load, one_line_each  # noqa: E402
from components.monitoring.component import CustomResourceState, Dashboards, Monitors  # noqa: E402
from components.monitoring.prometheus_rule import Alerts  # noqa: E402
from components.platform import Platform, provider  # noqa: E402
from components.preflight.check import preflight  # noqa: E402
from components.preflight.renames import renamed  # noqa: E402
from components.scaled_workload import scale, summarize  # noqa: E402

# The engine sends SIGINT once a policy has refused: the program ends without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

with one_line_each():
    settings = load()
    preflight(settings)
release_adopted_hpas(settings.workloads)
cluster = provider(settings.cluster)
options = pulumi.ResourceOptions(providers=[cluster])
Monitors("monitors", settings.monitoring, settings.workloads, options)
if settings.monitoring.state_metrics:
    CustomResourceState("state-metrics", settings.monitoring.state_metrics, options)
platform = Platform("keda", settings.keda, settings.monitoring, settings.workloads.values(), options)
ClusterGuard("guard", settings.keda, [platform], options)
Alerts("alerts", settings.keda, settings.monitoring, settings.workloads, [platform], options)
Dashboards("dashboards", settings.keda, settings.monitoring, settings.workloads, [platform], options)
# After KEDA, so that its webhook checks them, and destroyed before it, while its operator can finalize them.
scale(settings.workloads, renamed(settings), [platform], options)
pulumi.export("workloads", {name: summarize(workload) for name, workload in settings.workloads.items()})
