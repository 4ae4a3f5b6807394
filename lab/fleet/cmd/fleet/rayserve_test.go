package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gathered returns the value of each metric by its name and label names.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName())
			}
			sort.Strings(labels)
			values[fmt.Sprintf("%s{%s}", family.GetName(), strings.Join(labels, ","))] = metric.GetGauge().GetValue()
		}
	}
	return values
}

func TestRequestsMoveTheMetricsAndAFullQueueRefuses(t *testing.T) {
	// Two execute, one waits, and requests never end by themselves.
	r, registry := newReplica(2, 1, time.Hour, "inference", "Model", "pod")
	server := httptest.NewServer(r)
	defer server.Close()
	defer server.CloseClientConnections()

	refused := make(chan int)
	for range 4 {
		go func() {
			if response, err := http.Post(server.URL, "", nil); err == nil {
				refused <- response.StatusCode
			}
		}()
	}
	if status := <-refused; status != http.StatusServiceUnavailable {
		t.Fatalf("the request beyond the queue got %d, want 503", status)
	}
	want := map[string]float64{
		"ray_serve_deployment_queued_queries{actor_id,application,deployment,handle}":        1,
		"ray_serve_num_ongoing_requests_at_replicas{actor_id,application,deployment,handle}": 2,
		"ray_serve_replica_processing_queries{application,deployment,replica}":               2,
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := gathered(t, registry)
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("metrics are %v, want %v", got, want)
		}
		time.Sleep(time.Millisecond)
	}
}
