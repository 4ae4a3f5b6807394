"""What the node's programs start with: command lines and configuration files, as plain data.

Addresses and paths in, text and argument lists out; nothing is started or read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.node.netns import NODE_ADDRESS
from lab.node.processes import Program
from lab.paths import Lab

SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
POD_RANGE = "10.244.0.0/16"
# The only node gets the first /23: 510 addresses for up to 250 pods and those that are on their way out.
NODE_POD_RANGE = "10.244.0.0/23"
MAX_PODS = 250
API_SERVER = f"https://{NODE_ADDRESS}:6443"
ETCD = "http://127.0.0.1:2379"
REGISTRY = f"{NODE_ADDRESS}:5000"  # not the loopback: Flux, in a pod, pulls charts and artifacts from it
# The registries whose images the lab serves from its own one, under their upstream references.
MIRRORED = ("docker.io", "ghcr.io", "quay.io", "registry.k8s.io")


@dataclass(frozen=True)
class Timing:
    """The horizontal pod autoscaler's clock, as a Go duration. None: Kubernetes' own (15 s)."""

    hpa_sync_period: str | None = None


def containerd_socket(lab: Lab) -> Path:
    """Of the lab's own containerd."""
    return lab.root / "run" / "containerd.sock"


def files(lab: Lab) -> dict[Path, str]:
    """Every configuration file that holds no secret, by path."""
    folder = lab.root / "config"
    return {
        folder / "containerd.toml": containerd(lab),
        folder / "cni" / "10-pods.conflist": json.dumps(pod_network(lab), indent=2),
        folder / "kubelet.yaml": yaml.safe_dump(kubelet(lab), sort_keys=False),
        folder / "kube-proxy.yaml": yaml.safe_dump(kube_proxy(lab), sort_keys=False),
    } | {
        folder / "certs.d" / registry / "hosts.toml": (
            f'[host."http://{REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n'
        )
        for registry in MIRRORED
    }


def programs(lab: Lab, tools: Mapping[str, Path], timing: Timing) -> dict[str, Program]:
    """The host processes of the node, in the order of their starting."""
    pki, config = lab.root / "pki", lab.root / "config"

    def flags(tool: str, **values: str | Path) -> list[str]:
        return [str(tools[tool]), *(f"--{key.replace('_', '-')}={value}" for key, value in values.items())]

    def kubeconfig(user: str) -> Path:
        return config / f"{user}.kubeconfig"

    hpa = {
        "horizontal_pod_autoscaler_sync_period": timing.hpa_sync_period,
    }
    controller_manager = flags(
        "kube-controller-manager",
        kubeconfig=kubeconfig("kube-controller-manager"),
        authentication_kubeconfig=kubeconfig("kube-controller-manager"),
        authorization_kubeconfig=kubeconfig("kube-controller-manager"),
        leader_elect="false",
        bind_address="127.0.0.1",
        cluster_name=lab.name,
        allocate_node_cidrs="true",
        cluster_cidr=POD_RANGE,
        node_cidr_mask_size="23",
        service_cluster_ip_range=SERVICE_RANGE,
        root_ca_file=pki / "ca.crt",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
        service_account_private_key_file=pki / "service-accounts.key",
        use_service_account_credentials="true",
        **{key: value for key, value in hpa.items() if value},
    )
    listed = [
        Program(
            "etcd",
            flags(
                "etcd",
                name=lab.name,
                data_dir=lab.root / "etcd",
                listen_client_urls=ETCD,
                advertise_client_urls=ETCD,
                listen_peer_urls="http://127.0.0.1:2380",
                initial_advertise_peer_urls="http://127.0.0.1:2380",
                initial_cluster=f"{lab.name}=http://127.0.0.1:2380",
                log_level="warn",
            )
            # A lab's data may be lost with the machine's power; its disk is often busy compiling.
            + ["--unsafe-no-fsync"],
        ),
        Program(
            "kube-apiserver",
            flags(
                "kube-apiserver",
                etcd_servers=ETCD,
                advertise_address=NODE_ADDRESS,
                bind_address="0.0.0.0",
                secure_port="6443",
                service_cluster_ip_range=SERVICE_RANGE,
                authorization_mode="Node,RBAC",
                enable_admission_plugins="NodeRestriction",
                allow_privileged="true",
                client_ca_file=pki / "ca.crt",
                tls_cert_file=pki / "apiserver.crt",
                tls_private_key_file=pki / "apiserver.key",
                kubelet_certificate_authority=pki / "ca.crt",
                kubelet_client_certificate=pki / "apiserver-kubelet-client.crt",
                kubelet_client_key=pki / "apiserver-kubelet-client.key",
                # Else the node's name, which is in no DNS.
                kubelet_preferred_address_types="InternalIP",
                service_account_issuer="https://kubernetes.default.svc.cluster.local",
                service_account_key_file=pki / "service-accounts.pub",
                service_account_signing_key_file=pki / "service-accounts.key",
                requestheader_client_ca_file=pki / "front-proxy-ca.crt",
                requestheader_allowed_names="front-proxy-client",
                requestheader_extra_headers_prefix="X-Remote-Extra-",
                requestheader_group_headers="X-Remote-Group",
                requestheader_username_headers="X-Remote-User",
                proxy_client_cert_file=pki / "front-proxy-client.crt",
                proxy_client_key_file=pki / "front-proxy-client.key",
            ),
        ),
        Program("kube-controller-manager", controller_manager),
        Program(
            "kube-scheduler",
            flags(
                "kube-scheduler",
                kubeconfig=kubeconfig("kube-scheduler"),
                authentication_kubeconfig=kubeconfig("kube-scheduler"),
                authorization_kubeconfig=kubeconfig("kube-scheduler"),
                leader_elect="false",
                bind_address="127.0.0.1",
            ),
        ),
        Program(
            "containerd",
            flags("containerd", config=config / "containerd.toml"),
            configuration=[config / "containerd.toml", config / "cni" / "10-pods.conflist"],
        ),
        Program(
            "kubelet",
            flags(
                "kubelet",
                config=config / "kubelet.yaml",
                kubeconfig=kubeconfig("kubelet"),
                root_dir=lab.root / "kubelet",
                cert_dir=lab.root / "kubelet" / "pki",
                hostname_override=lab.name,
                node_ip=NODE_ADDRESS,
            ),
            configuration=[config / "kubelet.yaml"],
        ),
        Program(
            "kube-proxy",
            flags("kube-proxy", config=config / "kube-proxy.yaml", hostname_override=lab.name),
            configuration=[config / "kube-proxy.yaml"],
        ),
        Program(
            "registry",
            [str(tools["crane"]), "registry", "serve", "--address", REGISTRY]
            # The blobs are those of the image layouts: a push sends manifests only, which it keeps in memory.
            + ["--disk", str(lab.root / "images" / "blobs")],
        ),
    ]
    return {program.name: program for program in listed}


def containerd(lab: Lab) -> str:
    """containerd's own configuration (version 2, containerd 1.6)."""
    folder, config = lab.root / "containerd", lab.root / "config"
    return f"""\
version = 2
root = "{folder / "root"}"
state = "{folder / "state"}"
# The machine may lack CAP_SYS_RESOURCE: asking for less than the own score is refused then.
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{containerd_socket(lab)}"

[ttrpc]
  address = "{containerd_socket(lab)}.ttrpc"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  # The same lack: without this every pod fails with "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  # Pods may listen below port 1024 without root, as most clusters allow.
  enable_unprivileged_ports = true
  # Pods' namespaces go away with the lab's folder instead of staying in /run/netns.
  netns_mounts_under_state_dir = true
  stream_server_address = "{NODE_ADDRESS}"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{config / "certs.d"}"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{config / "cni"}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  # Images are pulled from our own registry: a second packed copy of each layer is of no use.
  discard_unpacked_layers = true

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  # Else runc keeps the containers' state in /run/containerd, for all labs together.
  Root = "{folder / "runc"}"
"""


def pod_network(lab: Lab) -> dict[str, Any]:
    """The CNI configuration: each pod on a routed link of its own, so all its traffic meets kube-proxy.

    (On a bridge, an answer from a pod on the same node bypasses them unless br_netfilter is there.)
    """
    return {
        "cniVersion": "0.4.0",
        # Also the prefix of the results that CNI caches outside the lab's folder: `down` finds them by it.
        "name": lab.netns,
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(lab.root / "cni"),
                    "ranges": [[{"subnet": NODE_POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def kubelet(lab: Lab) -> dict[str, Any]:
    """KubeletConfiguration v1beta1."""
    pki = lab.root / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{containerd_socket(lab)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{lab.cgroup}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        # Names of the outside world lead nowhere from here; the host's resolver is not reachable either.
        "resolvConf": "",
        "maxPods": MAX_PODS,
        "podLogsDir": str(lab.root / "pods"),
        "volumePluginDir": str(lab.root / "kubelet" / "volume-plugins"),
        "oomScoreAdj": 0,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        # A nearly full disk of a workstation is no reason to end pods or to delete images of a lab.
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def kube_proxy(lab: Lab) -> dict[str, Any]:
    """KubeProxyConfiguration v1alpha1."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": POD_RANGE,
        "bindAddress": NODE_ADDRESS,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": str(lab.root / "config" / "kube-proxy.kubeconfig")},
        # The connection table's size belongs to the host; zero leaves it alone.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
