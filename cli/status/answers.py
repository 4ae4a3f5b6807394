"""What `keda why` answers for the workloads that are broken or held back."""

from __future__ import annotations

from collections.abc import Mapping

from cli.errors import CommandError
from cli.kubectl import Kubectl
from keda.api_server import Unreachable, connect
from keda.diagnosis import cluster
from keda.diagnosis.answer import Level
from keda.diagnosis.diagnose import diagnose


def answers(kubectl: Kubectl) -> Mapping[tuple[str, str], str]:
    """The cause and the fix of each, in one line, by namespace and name. The cluster is only read.

    Raises:
        CommandError: it does not answer.
    """
    try:
        get, _ = connect(kubectl.kubeconfig or "", kubectl.context or "", ("KUBECONFIG", "CLUSTER"))
        found = diagnose(cluster.read(get))
    except Unreachable as error:
        raise CommandError(f"status: {error}") from None
    except cluster.NotInstalled:
        return {}
    return {
        (each.namespace, each.name): f"{each.answer.sentence.rstrip('.')}. {each.answer.fix}".strip()
        for each in found
        if each.answer.level is not Level.WORKING
    }
