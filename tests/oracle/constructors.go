package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

// constructors is the mapping of pkg/scaling/scalers_builder.go (KEDA 2.19.0), whose function is not exported.
// No constructor calls the Kubernetes client it is given, so they get none.
var constructors = map[string]constructor{
	"activemq":             plain(scalers.NewActiveMQScaler),
	"apache-kafka":         scalers.NewApacheKafkaScaler,
	"arangodb":             plain(scalers.NewArangoDBScaler),
	"artemis-queue":        plain(scalers.NewArtemisQueueScaler),
	"aws-cloudwatch":       scalers.NewAwsCloudwatchScaler,
	"aws-dynamodb":         scalers.NewAwsDynamoDBScaler,
	"aws-dynamodb-streams": scalers.NewAwsDynamoDBStreamsScaler,
	"aws-kinesis-stream":   scalers.NewAwsKinesisStreamScaler,
	"aws-sqs-queue":        scalers.NewAwsSqsQueueScaler,
	"azure-app-insights":   plain(scalers.NewAzureAppInsightsScaler),
	"azure-blob":           plain(scalers.NewAzureBlobScaler),
	"azure-data-explorer":  plain(scalers.NewAzureDataExplorerScaler),
	"azure-eventhub":       plain(scalers.NewAzureEventHubScaler),
	"azure-log-analytics":  plain(scalers.NewAzureLogAnalyticsScaler),
	"azure-monitor":        plain(scalers.NewAzureMonitorScaler),
	"azure-pipelines":      scalers.NewAzurePipelinesScaler,
	"azure-queue":          plain(scalers.NewAzureQueueScaler),
	"azure-servicebus":     scalers.NewAzureServiceBusScaler,
	"beanstalkd":           plain(scalers.NewBeanstalkdScaler),
	"cassandra":            plain(scalers.NewCassandraScaler),
	"couchdb":              scalers.NewCouchDBScaler,
	"cpu": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewCPUMemoryScaler(corev1.ResourceCPU, config)
	},
	"cron":          plain(scalers.NewCronScaler),
	"datadog":       plain(scalers.NewDatadogScaler),
	"dynatrace":     plain(scalers.NewDynatraceScaler),
	"elasticsearch": plain(scalers.NewElasticsearchScaler),
	"etcd":          plain(scalers.NewEtcdScaler),
	"external":      plain(scalers.NewExternalScaler),
	"external-mock": plain(scalers.NewExternalMockScaler),
	"external-push": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewExternalPushScaler(config)
	},
	"forgejo-runner":  plain(scalers.NewForgejoRunnerScaler),
	"gcp-cloudtasks":  plain(scalers.NewGcpCloudTasksScaler),
	"gcp-pubsub":      plain(scalers.NewPubSubScaler),
	"gcp-stackdriver": scalers.NewStackdriverScaler,
	"gcp-storage":     plain(scalers.NewGcsScaler),
	"github-runner":   plain(scalers.NewGitHubRunnerScaler),
	"graphite":        plain(scalers.NewGraphiteScaler),
	"huawei-cloudeye": plain(scalers.NewHuaweiCloudeyeScaler),
	"ibmmq":           plain(scalers.NewIBMMQScaler),
	"influxdb":        plain(scalers.NewInfluxDBScaler),
	"kafka":           scalers.NewKafkaScaler,
	"kubernetes-resource": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewKubernetesResourceScaler(nil, config)
	},
	"kubernetes-workload": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewKubernetesWorkloadScaler(nil, config)
	},
	"liiklus": plain(scalers.NewLiiklusScaler),
	"loki":    plain(scalers.NewLokiScaler),
	"memory": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewCPUMemoryScaler(corev1.ResourceMemory, config)
	},
	"metrics-api": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewMetricsAPIScaler(config, nil)
	},
	"mongodb":          scalers.NewMongoDBScaler,
	"mssql":            plain(scalers.NewMSSQLScaler),
	"mysql":            plain(scalers.NewMySQLScaler),
	"nats-jetstream":   plain(scalers.NewNATSJetStreamScaler),
	"new-relic":        plain(scalers.NewNewRelicScaler),
	"nsq":              plain(scalers.NewNSQScaler),
	"openstack-metric": scalers.NewOpenstackMetricScaler,
	"openstack-swift":  plain(scalers.NewOpenstackSwiftScaler),
	"postgresql":       scalers.NewPostgreSQLScaler,
	"predictkube": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewPredictKubeScaler(ctx, config)
	},
	"prometheus": plain(scalers.NewPrometheusScaler),
	"pulsar":     plain(scalers.NewPulsarScaler),
	"rabbitmq":   plain(scalers.NewRabbitMQScaler),
	"redis": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisScaler(ctx, false, false, config)
	},
	"redis-cluster": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisScaler(ctx, true, false, config)
	},
	"redis-cluster-streams": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisStreamsScaler(ctx, true, false, config)
	},
	"redis-sentinel": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisScaler(ctx, false, true, config)
	},
	"redis-sentinel-streams": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisStreamsScaler(ctx, false, true, config)
	},
	"redis-streams": func(ctx context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return scalers.NewRedisStreamsScaler(ctx, false, false, config)
	},
	"selenium-grid":           plain(scalers.NewSeleniumGridScaler),
	"solace-direct-messaging": plain(scalers.NewSolaceDMScaler),
	"solace-event-queue":      plain(scalers.NewSolaceScaler),
	"solarwinds":              plain(scalers.NewSolarWindsScaler),
	"solr":                    plain(scalers.NewSolrScaler),
	"splunk":                  plain(scalers.NewSplunkScaler),
	"splunk-observability":    plain(scalers.NewSplunkObservabilityScaler),
	"sumologic":               plain(scalers.NewSumologicScaler),
	"temporal":                scalers.NewTemporalScaler,
}

func plain(build func(*scalersconfig.ScalerConfig) (scalers.Scaler, error)) constructor {
	return func(_ context.Context, config *scalersconfig.ScalerConfig) (scalers.Scaler, error) {
		return build(config)
	}
}
