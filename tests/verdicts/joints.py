"""Parameters that mean something together only: variants of the samples that reach the rules between them.

A single change of a sample cannot. An empty text takes a parameter of the sample away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.oracle import Spec
from tests.verdicts.samples import AWS, BUS, sample

Changes = dict[str, str]
# (metadata, authentication, pod identity)
Joint = tuple[Changes, Changes, str]

_ON = {"limitToPartitionsWithLag": "true"}
_EVEN = {"ensureEvenDistributionOfPartitions": "true"}
_IDLE = {"allowIdleConsumers": "true"}
_USER = {"username": "user", "password": "password"}
_OAUTH = {**_USER, "sasl": "oauthbearer", "oauthTokenEndpointUri": "http://host"}
_KERBEROS = {"sasl": "gssapi", "username": "u", "realm": "r", "kerberosConfig": "c"}
_MSK = {"sasl": "oauthbearer", "saslTokenProvider": "aws_msk_iam"}
_ACTIVE = "http://host:8161/api/jolokia/read/org.apache.activemq:type=Broker,{}/QueueSize"
_ARTEMIS = "http://host:8161/console/jolokia/read/org.apache.activemq.artemis:{}/MessageCount"
_HUB = {"eventHubName": "hub", "eventHubNamespace": "ns"}
_INFLUX3 = {"influxVersion": "3", "database": "db", "metricKey": "key"}
_SUMO = {"queryType": "metrics", "quantization": "1m"}

JOINTS: dict[str, list[Joint]] = {
    "activemq": [
        ({"restAPITemplate": _ACTIVE.format(query)}, {}, "")
        for query in (
            "brokerName=b,destinationType=Queue,destinationName=d",
            "brokerName=,destinationName=d",
            "brokerName=b,destinationName=",
            "brokerName=b",
            "destinationName=d",
            "brokerName=%zz,destinationName=d",
        )
    ],
    "apache-kafka": [
        (_IDLE | _ON | {"topic": "t"}, {}, ""),
        (_ON, {}, ""),
        ({"tls": "enable"}, {"cert": "c"}, ""),
        ({"tls": "enable"}, {"tls": "disable"}, ""),
        ({"sasl": "none"}, {"sasl": "none"}, ""),
        ({"sasl": "aws_msk_iam", "awsRegion": "eu"}, {}, ""),
        ({"sasl": "aws_msk_iam", "awsRegion": "eu", "tls": "enable"}, {}, ""),
        ({"sasl": "aws_msk_iam", "awsRegion": "eu", "tls": "enable"}, AWS, ""),
        ({"sasl": "aws_msk_iam", "tls": "enable"}, AWS, ""),
        ({"sasl": "plaintext"}, _USER, ""),
        ({"sasl": "gssapi"}, _USER, ""),
    ],
    "artemis-queue": [
        ({"restApiTemplate": _ARTEMIS.format(query)}, {}, "")
        for query in (
            'broker="b",component=addresses,address="a",queue="q"',
            "broker=b,address=a,queue=q",
            'broker="b",address="a"',
            'broker="",address="a",queue="q"',
            'broker="b",address="",queue="q"',
            'broker="b",address="a",queue=""',
        )
    ],
    "aws-dynamodb": [
        ({"expressionAttributeNames": "{}"}, {}, ""),
        ({"expressionAttributeNames": '{"a": 1}'}, {}, ""),
        ({"expressionAttributeNames": "[]"}, {}, ""),
        ({"expressionAttributeValues": "[]"}, {}, ""),
        ({"expressionAttributeValues": '{":a": {"N": "1"}, ":b": "c"}'}, {}, ""),
    ],
    "azure-app-insights": [
        ({"cloud": "Private", "appInsightsResourceURL": "https://r"}, {}, ""),
        (
            {
                "cloud": "Private",
                "appInsightsResourceURL": "https://r",
                "activeDirectoryEndpoint": "https://e",
            },
            {},
            "",
        ),
        ({"cloud": ""}, {}, ""),
    ],
    "azure-blob": [
        *(
            ({"globPattern": pattern}, {}, "")
            for pattern in ("*.txt", "[a", "{a,b}", "{a", "a]", "[]", "[a-z]", "a\\[")
        ),
        ({"cloud": "Private", "endpointSuffix": "blob.host"}, {}, ""),
        ({"accountName": "a"}, {}, "azure-workload"),
        ({}, {"connection": "AccountName=a"}, ""),
        ({}, {"connection": "AccountName=a;SharedAccessSignature=s"}, ""),
    ],
    "azure-eventhub": [
        (_HUB, {}, "azure-workload"),
        (_HUB, {"storageConnection": ""}, "azure-workload"),
        ({"eventHubNamespace": "ns"}, {}, "azure-workload"),
        ({"eventHubName": "hub"}, {}, "azure-workload"),
        (_HUB | {"storageAccountName": "a", "cloud": "Private", "endpointSuffix": "s"}, {}, "azure-workload"),
        (_HUB | {"storageAccountName": "a", "cloud": "AzureChinaCloud"}, {}, "azure-workload"),
        ({"eventHubName": "hub"}, {"connection": BUS.removesuffix(";EntityPath=e")}, ""),
        ({"eventHubName": "hub"}, {}, ""),
        ({}, {"connection": "Endpoint=sb://a.b/;EntityPath=e"}, ""),
        ({}, {"connection": "EntityPath=e"}, ""),
        ({}, {"connection": "EntityPath"}, ""),
    ],
    "azure-log-analytics": [
        ({"cloud": "private"}, {}, ""),
        ({"cloud": "private", "logAnalyticsResourceURL": "https://r"}, {}, ""),
        ({}, {"tenantId": ""}, "azure-workload"),
    ],
    "azure-monitor": [
        ({"cloud": "private"}, {}, ""),
        ({"cloud": "private", "azureResourceManagerEndpoint": "https://r"}, {}, ""),
        ({"metricAggregationInterval": "0:5:0"}, {}, ""),
    ],
    "azure-pipelines": [
        ({}, {"personalAccessToken": ""}, "aws"),
        ({}, {"personalAccessToken": ""}, "azure-workload"),
        ({"organizationURL": "https://host/"}, {}, ""),
        ({"jobsToFetch": "5", "parent": "p"}, {}, ""),
        ({"jobsToFetch": "5", "fetchUnfinishedJobsOnly": "true"}, {}, ""),
        ({"poolName": "", "poolID": "1"}, {}, ""),
        ({"poolName": "", "poolID": "0"}, {}, ""),
    ],
    "azure-queue": [
        ({}, {"connection": "AccountName=a;SharedAccessSignature=s"}, ""),
        ({}, {"connection": "QueueEndpoint=https://q;SharedAccessSignature=s"}, ""),
        ({"accountName": "a"}, {}, "azure-workload"),
    ],
    "azure-servicebus": [
        ({"useRegex": "true", "queueName": "a("}, {}, ""),
        ({"useRegex": "true", "queueName": "a.*"}, {}, ""),
        ({"useRegex": "true", "queueName": "(?=a)"}, {}, ""),
        ({"useRegex": "true", "queueName": "", "topicName": "t", "subscriptionName": "a("}, {}, ""),
        ({"useRegex": "true", "queueName": "", "topicName": "t", "subscriptionName": "a.*"}, {}, ""),
        ({"topicName": "t", "subscriptionName": "s", "queueName": ""}, {}, ""),
        ({"namespace": "n"}, {}, "azure-workload"),
        ({"namespace": "n", "cloud": "Private"}, {}, "azure-workload"),
        ({"namespace": "n", "cloud": "Private", "endpointSuffix": "s"}, {}, "azure-workload"),
    ],
    "cassandra": [
        ({"clusterIPAddress": "host:9042", "port": ""}, {}, ""),
        ({"clusterIPAddress": "host:x", "port": ""}, {}, ""),
        ({"consistency": "local_quorum"}, {}, ""),
    ],
    "cron": [
        *(
            ({"start": text}, {}, "")
            for text in ("0-5-7 * * * *", "1/2/3 * * * *", "a * * * *", "5-1 * * * *")
        ),
        *(
            ({"start": text}, {}, "")
            for text in ("*/5 * * * *", "1,2 * * * *", "? * * JAN Mon", "0 0 31 12 6", ", * * * *")
        ),
    ],
    "datadog": [
        ({"type": "global"}, {}, ""),
        ({"type": "average", "useClusterAgentProxy": "true"}, {}, ""),
        (
            {"useClusterAgentProxy": "true", "datadogMetricName": "m", "datadogMetricNamespace": "n"},
            {"datadogMetricsService": "s", "datadogNamespace": "n"},
            "",
        ),
        ({"query": "{a}b{"}, {}, ""),
        ({"query": "}a{"}, {}, ""),
        ({}, {"authMode": "bearer", "token": "t"}, ""),
    ],
    "elasticsearch": [
        ({"addresses": "", "username": ""}, {"password": ""}, ""),
        ({"addresses": "", "username": "", "cloudID": "a:b"}, {"password": ""}, ""),
        ({"addresses": "", "username": ""}, {"password": "", "apiKey": "k"}, ""),
        ({"query": "", "searchTemplateName": "t"}, {}, ""),
    ],
    "etcd": [
        ({}, {"tls": "enable", "cert": "c"}, ""),
        ({}, {"tls": "enable", "key": "k"}, ""),
        ({}, {"tls": "enable"}, ""),
        ({}, {"username": "u", "password": "p"}, ""),
    ],
    "gcp-pubsub": [
        ({"subscriptionName": "", "topicName": "t"}, {}, ""),
        ({"subscriptionName": "", "topicName": "t", "subscriptionSize": "5"}, {}, ""),
    ],
    "gcp-stackdriver": [
        (
            {"alignmentPeriodSeconds": "60", "alignmentAligner": aligner, "alignmentReducer": reducer},
            {},
            "gcp",
        )
        for aligner in ("RATE", "word", "")
        for reducer in ("Sum", "rate", "")
    ],
    "github-runner": [
        ({"applicationID": "1", "installationID": "2"}, {}, ""),
        ({"applicationID": "1"}, {"appKey": "k"}, ""),
    ],
    "influxdb": [
        (_INFLUX3, {}, ""),
        (_INFLUX3 | {"queryType": "FlightSQL"}, {}, ""),
        (_INFLUX3 | {"queryType": "word"}, {}, ""),
        (_INFLUX3 | {"metricKey": ""}, {}, ""),
    ],
    "kafka": [
        (_IDLE | _ON, {}, ""),
        (_ON | _EVEN, {}, ""),
        (_ON | {"topic": ""}, {}, ""),
        (_EVEN | {"topic": ""}, {}, ""),
        ({"tls": "enable"}, {"tls": "enable"}, ""),
        ({"tls": "disable"}, {"tls": "enable"}, ""),
        ({"tls": "enable"}, {"cert": "c"}, ""),
        ({"tls": "enable", "unsafeSsl": "yes"}, {}, ""),
        ({"tls": "enable", "unsafeSsl": "true"}, {}, ""),
        ({"sasl": "plaintext"}, {"sasl": "plaintext"} | _USER, ""),
        ({}, {"sasl": "plaintext"} | _USER, ""),
        ({}, _OAUTH, ""),
        ({}, _OAUTH | {"oauthExtensions": "a=b,c"}, ""),
        ({}, _OAUTH | {"oauthExtensions": "a=b,c=d"}, ""),
        ({}, _OAUTH | {"saslTokenProvider": "word"}, ""),
        ({"saslTokenProvider": "bearer"}, _OAUTH | {"saslTokenProvider": "bearer"}, ""),
        ({}, _MSK, ""),
        ({"tls": "enable"}, _MSK, ""),
        ({"tls": "enable", "awsRegion": "eu-west-1"}, _MSK, ""),
        ({"tls": "enable", "awsRegion": "eu-west-1"}, _MSK | AWS, ""),
        ({"awsRegion": "eu-west-1"}, _MSK | AWS | {"tls": " enable "}, ""),
        ({}, _KERBEROS, ""),
        ({}, _KERBEROS | {"password": "p"}, ""),
        ({}, _KERBEROS | {"password": "p", "realm": ""}, ""),
        ({}, _KERBEROS | {"password": "p", "keytab": "k"}, ""),
        ({}, _KERBEROS | {"password": "p", "kerberosDisableFAST": "yes"}, ""),
    ],
    "mongodb": [
        ({}, {"tls": "enable", "cert": "c"}, ""),
        ({"scheme": "mongodb+srv", "port": ""}, {}, ""),
        ({"host": ""}, {"connectionString": "mongodb://host"}, ""),
    ],
    "mssql": [({"host": ""}, {}, ""), ({"host": ""}, {"connectionString": "Server=host"}, "")],
    "postgresql": [({"host": ""}, {"connection": "postgresql://user:p@host/db"}, "")],
    "prometheus": [
        ({"authModes": "basic"}, {"username": "u"}, "gcp"),
        ({"authModes": "basic"}, {"username": "u"}, ""),
        ({"authModes": "tls,basic"}, {"username": "u"}, ""),
        ({"authModes": "custom"}, {"customAuthHeader": "h"}, ""),
        ({"authModes": "oauth"}, {"oauthTokenURI": "u", "clientID": "c", "clientSecret": "s"}, ""),
        ({"cloud": "Private"}, {}, "azure-workload"),
        ({"cloud": "Private", "azureManagedPrometheusResourceURL": "https://r"}, {}, "azure-workload"),
        ({"cloud": "AzureGermanCloud"}, {}, "azure-workload"),
        ({}, {"GoogleApplicationCredentials": '{"type": "word"}'}, ""),
    ],
    "pulsar": [
        ({"tls": "enable"}, {"cert": "c"}, ""),
        ({"authModes": "bearer,basic"}, {"bearerToken": "t", "username": "u"}, ""),
        ({"authModes": "oauth,basic"}, {"username": "u"}, ""),
        ({"authModes": "oauth"}, {"endpointParams": "a=%zz"}, ""),
        ({"authModes": "oauth", "EndpointParams": "a=%zz"}, {}, ""),
        ({"authModes": "oauth", "EndpointParams": "a=%zz"}, {"endpointParams": "a=b"}, ""),
        ({"authModes": "basic, basic"}, {"username": "u"}, ""),
        ({"authModes": "custom"}, {"customAuthHeader": "h", "customAuthValue": "v"}, ""),
    ],
    "rabbitmq": [
        ({"mode": "MessageRate"}, {}, ""),
        ({"mode": "MessageRate", "host": "http://host:15672/", "timeout": "5s"}, {}, ""),
        ({"host": "http://host:15672/", "useRegex": "true", "excludeUnacknowledged": "true"}, {}, ""),
        ({"timeout": "5s"}, {}, ""),
        ({"mode": "", "value": "", "queueLength": "5"}, {}, ""),
        ({"mode": "", "value": ""}, {}, ""),
        ({"protocol": "http"}, {"workloadIdentityResource": "r"}, ""),
        ({}, {"workloadIdentityResource": "r"}, ""),
        *(
            ({"host": host}, {}, "")
            for host in ("amqp://[::1]:5672", "amqp://[::1", "amqp://[::1]x", "1amqp://host")
        ),
        *(
            ({"host": host}, {}, "")
            for host in ("amqp://u:p@host:x", "amqp://a%41b/", "amqp://host/%zz", "amqp:host")
        ),
        *(
            ({"host": host}, {}, "")
            for host in ("amqp://u ser@host", "amqp://ho st/", "amqp://host#%zz", "*", "?a=b")
        ),
    ],
    "redis": [
        ({"address": "", "hosts": "a,b", "ports": "1"}, {}, ""),
        ({"address": "", "hosts": "a,b", "ports": "1,2"}, {}, ""),
        ({"address": "", "hosts": "a"}, {}, ""),
        ({"enableTLS": "true"}, {"tls": "enable"}, ""),
        ({}, {"tls": "word"}, ""),
    ],
    "solace-direct-messaging": [
        ({"clientNamePattern": "a*"}, {}, ""),
        ({"solaceSempBaseURL": "http://a1,,http://b1"}, {}, ""),
        ({"solaceSempBaseURL": "http://a1, https://b1:80"}, {}, ""),
    ],
    "splunk": [({}, {"apiToken": "t", "password": "p"}, "")],
    "sumologic": [
        (_SUMO | {"query": ""}, {}, ""),
        (_SUMO | {"quantization": ""}, {}, ""),
        (_SUMO | {"query.A": "q"}, {}, ""),
        (_SUMO | {"query": "", "query.A": "q"}, {}, ""),
        (_SUMO | {"query": "", "query.A": "q", "resultQueryRowID": "B"}, {}, ""),
        (_SUMO | {"query": "", "query.A": "q", "resultQueryRowID": "A"}, {}, ""),
        ({"query.A": "q"}, {}, ""),
        ({"query.": "q"}, {}, ""),
    ],
    "temporal": [({}, {"cert": "c"}, ""), ({}, {"cert": "c", "key": "k"}, "")],
}
_SAME = {
    "redis": (
        "redis-cluster",
        "redis-sentinel",
        "redis-streams",
        "redis-cluster-streams",
        "redis-sentinel-streams",
    ),
    "prometheus": ("loki", "metrics-api", "arangodb", "predictkube"),
}
JOINTS |= {other: JOINTS[scaler] for scaler, others in _SAME.items() for other in others}


def joints(scaler: str) -> Iterator[Spec]:
    """The sample with each set of changes of its type."""
    base = sample(scaler)
    for metadata, auth, identity in JOINTS.get(scaler, ()):
        yield replace(
            base,
            metadata={
                key: text for key, text in (base.metadata | metadata).items() if text or key == "cloud"
            },
            auth={key: text for key, text in (base.auth | auth).items() if text},
            pod_identity=identity,
        )
