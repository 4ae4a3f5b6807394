"""One trigger of each type that KEDA accepts: what the mutations start from.

Values that any text fits are filled in from the parameter data; here is only what has a form of its own.
"""

from __future__ import annotations

from keda.scalers.facts import Parameter, scalers
from tests.oracle import Spec

_FILL = {
    "string": "text",
    "int64": "5",
    "uint32": "5",
    "float64": "5",
    "bool": "true",
    "duration": "5s",
    "strings": "text",
    "integers": "1",
}
# A JSON Web Token without a meaning, and storage connection strings of no account.
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0In0.c2ln"
STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=YWJj;EndpointSuffix=core.windows.net"
BUS = "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=YWJj;EntityPath=e"
AWS = {"awsAccessKeyID": "id", "awsSecretAccessKey": "secret"}
GCP = {"GoogleApplicationCredentials": "{}"}
TENANT = "00000000-0000-0000-0000-000000000000"

_Auth = dict[str, str]
METADATA: dict[str, dict[str, str]] = {
    "activemq": {"managementEndpoint": "host:8161", "destinationName": "queue", "brokerName": "broker"},
    "arangodb": {"endpoints": "http://host:8529", "queryValue": "5"},
    "artemis-queue": {
        "managementEndpoint": "host:8161",
        "queueName": "queue",
        "brokerName": "broker",
        "brokerAddress": "address",
    },
    "aws-cloudwatch": {
        "namespace": "AWS/SQS",
        "metricName": "Messages",
        "dimensionName": "QueueName",
        "dimensionValue": "q",
    },
    "aws-dynamodb": {
        "expressionAttributeNames": '{"#k": "key"}',
        "expressionAttributeValues": '{":k": {"S": "v"}}',
        "targetValue": "5",
    },
    "azure-app-insights": {
        "targetValue": "5",
        "metricId": "requests/count",
        "metricAggregationTimespan": "0:5",
        "metricAggregationType": "avg",
    },
    "azure-data-explorer": {
        "databaseName": "db",
        "endpoint": "https://a.kusto.windows.net",
        "query": "T | count",
    },
    "azure-monitor": {
        "resourceURI": "Microsoft.ContainerService/managedClusters/a",
        "metricAggregationType": "Average",
        "tenantId": TENANT,
        "activeDirectoryClientId": "id",
    },
    "azure-pipelines": {"poolName": "pool", "organizationURL": "https://host/organization"},
    "azure-servicebus": {"queueName": "queue"},
    "beanstalkd": {"server": "host:11300"},
    "cassandra": {"clusterIPAddress": "host", "port": "9042"},
    "couchdb": {
        "host": "host",
        "port": "5984",
        "username": "user",
        "dbName": "db",
        "query": "{}",
        "queryValue": "5",
    },
    "cpu": {"value": "50"},
    "cron": {"start": "0 8 * * 1-5", "end": "0 20 * * 1-5", "timezone": "Europe/Berlin"},
    "datadog": {"query": "sum:requests{app:web}", "queryValue": "5"},
    "dynatrace": {"host": "https://host", "metricSelector": "builtin:host.cpu"},
    "elasticsearch": {
        "addresses": "http://host:9200",
        "username": "user",
        "query": "{}",
        "valueLocation": "hits",
    },
    "etcd": {"endpoints": "host:2379"},
    "gcp-pubsub": {"subscriptionName": "subscription"},
    "github-runner": {"runnerScope": "org", "owner": "owner"},
    "graphite": {"serverAddress": "http://host:81", "queryTime": "-1Minutes"},
    "ibmmq": {"host": "https://host:9443/ibmmq/rest/v2/admin/action/qmgr/QM1/mqsc"},
    "influxdb": {"serverURL": "http://host:8086", "organizationName": "org", "thresholdValue": "5"},
    "kafka": {"bootstrapServers": "host:9092", "consumerGroup": "group", "topic": "topic"},
    "kubernetes-resource": {"resourceKind": "ConfigMap"},
    "kubernetes-workload": {"podSelector": "app=web", "value": "5"},
    "loki": {"serverAddress": "http://host:3100"},
    "memory": {"value": "50"},
    "metrics-api": {"url": "http://host/metrics", "targetValue": "5"},
    "mongodb": {"host": "host", "port": "27017", "username": "user", "dbName": "db"},
    "mssql": {"host": "host", "port": "1433", "username": "user", "database": "db"},
    "mysql": {"host": "host", "port": "3306", "username": "user", "dbName": "db"},
    "nats-jetstream": {"account": "$G", "natsServerMonitoringEndpoint": "nats.nats.svc:8222"},
    "openstack-metric": {"metricsURL": "http://host:8041/v1/metric"},
    "postgresql": {
        "host": "host",
        "port": "5432",
        "userName": "user",
        "dbName": "db",
        "sslmode": "disable",
        "targetQueryValue": "5",
    },
    "predictkube": {
        "prometheusAddress": "http://host:9090",
        "predictHorizon": "2h",
        "queryStep": "2m",
        "historyTimeWindow": "7d",
        "threshold": "5",
    },
    "prometheus": {"serverAddress": "http://host:9090", "query": "up"},
    "pulsar": {"adminURL": "http://host:8080", "topic": "persistent://a/b/c"},
    "rabbitmq": {"host": "amqp://user:password@host:5672/", "mode": "QueueLength", "value": "5"},
    "redis": {"address": "host:6379"},
    "redis-cluster": {"addresses": "host:6379"},
    "redis-cluster-streams": {"addresses": "host:6379"},
    "redis-sentinel": {"addresses": "host:26379", "sentinelMaster": "master"},
    "redis-sentinel-streams": {"addresses": "host:26379", "sentinelMaster": "master"},
    "redis-streams": {"address": "host:6379"},
    "selenium-grid": {"url": "http://host:4444/graphql"},
    "solace-direct-messaging": {
        "solaceSempBaseURL": "http://host:8080",
        "aggregatedClientTxMsgRateTarget": "5",
    },
    "solace-event-queue": {"solaceSempBaseURL": "http://host:8080", "messageCountTarget": "5"},
    "solarwinds": {"host": "https://host", "aggregation": "COUNT"},
    "splunk": {"host": "https://host:8089"},
    "sumologic": {"host": "https://host", "queryType": "logs", "query": "*", "resultField": "count"},
    "temporal": {"endpoint": "host:7233"},
}
AUTH: dict[str, _Auth] = {
    "aws-cloudwatch": AWS,
    "aws-dynamodb": AWS,
    "aws-dynamodb-streams": AWS,
    "aws-kinesis-stream": AWS,
    "aws-sqs-queue": AWS,
    "azure-app-insights": {
        "applicationInsightsId": "id",
        "tenantId": TENANT,
        "activeDirectoryClientId": "id",
        "activeDirectoryClientPassword": "secret",
    },
    "azure-blob": {"connection": STORAGE},
    "azure-data-explorer": {"tenantId": TENANT, "clientId": "id", "clientSecret": "secret"},
    "azure-eventhub": {"connection": BUS, "storageConnection": STORAGE},
    "azure-log-analytics": {"tenantId": TENANT, "clientId": "id", "clientSecret": "secret"},
    "azure-monitor": {"activeDirectoryClientPassword": "secret"},
    "azure-pipelines": {"personalAccessToken": "token"},
    "azure-queue": {"connection": STORAGE},
    "azure-servicebus": {"connection": BUS},
    "couchdb": {"password": "password"},
    "datadog": {"apiKey": "key", "appKey": "key"},
    "elasticsearch": {"password": "password"},
    "gcp-cloudtasks": GCP,
    "gcp-pubsub": GCP,
    "gcp-stackdriver": {},
    "gcp-storage": {},
    "github-runner": {"personalAccessToken": "token"},
    "influxdb": {"authToken": "token"},
    "mongodb": {"password": "password"},
    "openstack-metric": {"authURL": "http://host:5000/v3", "userID": "user", "password": "password"},
    "openstack-swift": {
        "authURL": "http://host:5000/v3",
        "userID": "user",
        "password": "password",
        "projectID": "project",
    },
    "predictkube": {"apiKey": JWT},
}
POD_IDENTITY = {"gcp-stackdriver": "gcp", "gcp-storage": "gcp"}
METRIC_TYPE = {"cpu": "Utilization", "memory": "AverageValue"}


def sample(scaler: str) -> Spec:
    """The smallest trigger of this type that KEDA accepts."""
    metadata, auth = dict(METADATA.get(scaler, {})), dict(AUTH.get(scaler, {}))
    for parameter in scalers()[scaler].parameters:
        given = any(name in metadata or name in auth for name in parameter.names)
        if parameter.required and not given:
            place = metadata if "metadata" in parameter.sources else auth
            place[parameter.name] = plain(parameter)
    identity, metric_type = POD_IDENTITY.get(scaler, ""), METRIC_TYPE.get(scaler, "")
    return Spec(scaler, metadata, auth, {}, identity, metric_type)


def plain(parameter: Parameter) -> str:
    return parameter.enum[0] if parameter.enum else _FILL.get(parameter.type, "text")
