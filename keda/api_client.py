"""A client of a cluster's API server that leaves no key on the disk."""

from __future__ import annotations

import io
import ssl
import tempfile
from importlib import import_module
from typing import Any


def api_client(source: io.StringIO | str | None, context: str | None) -> Any:
    """A `kubernetes.client.ApiClient` for a context of a kubeconfig, without retries.

    The library writes inline certificates and keys to files, which it removes only when the process ends by
    itself; Pulumi ends its plugins. Here the files are gone once TLS is set up.

    Args:
        source: the kubeconfig's text or path; None for what kubectl takes.
        context: its name; None for the current one.

    Raises:
        Exception: of many kinds, as the library raises them. Their texts may quote the kubeconfig, which
            holds credentials.
    """
    # A fifth of a second, and most tests need none. It is typed in part only.
    kubernetes: Any = import_module("kubernetes")
    configuration = kubernetes.client.Configuration()
    configuration.retries = False
    with tempfile.TemporaryDirectory() as folder:
        kubernetes.config.load_kube_config(
            source, context, configuration, persist_config=False, temp_file_path=folder
        )
        client = kubernetes.client.ApiClient(configuration)
        pool = client.rest_client.pool_manager.connection_pool_kw
        pool["ssl_context"] = _tls(configuration)
        for name in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
            pool.pop(name, None)
    return client


def _tls(configuration: Any) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Python 3.13 refuses certificates without key identifiers, which kubectl and older Pythons accept.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    return tls
