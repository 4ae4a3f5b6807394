package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// replica is one single-node Serve instance: a handle that queues requests, and a replica that executes at most
// cap(slots) at once. Names follow Ray Serve: max_ongoing_requests, max_queued_requests.
type replica struct {
	slots   chan struct{}
	work    time.Duration
	waiting chan struct{} // one token per queued request: its capacity bounds the queue

	queued, ongoing, processing prometheus.Gauge
}

func newReplica(maxOngoing, maxQueued int, work time.Duration, application, deployment, pod string) (*replica, *prometheus.Registry) {
	// Ray names actors and replicas by random ids; derived from the pod's name they are as unique.
	sum := sha256.Sum256([]byte(pod))
	id := hex.EncodeToString(sum[:])
	handle := prometheus.Labels{
		"deployment": deployment, "application": application, "handle": id[:8], "actor_id": id[8:40],
	}
	at := prometheus.Labels{"deployment": deployment, "replica": id[40:48], "application": application}
	gauge := func(name, help string, labels prometheus.Labels) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	}
	r := &replica{
		slots:   make(chan struct{}, maxOngoing),
		waiting: make(chan struct{}, maxQueued),
		work:    work,
		queued: gauge("ray_serve_deployment_queued_queries",
			"Requests waiting in this handle to be assigned to a replica.", handle),
		ongoing: gauge("ray_serve_num_ongoing_requests_at_replicas",
			"Requests this handle has assigned to replicas and not yet finished.", handle),
		processing: gauge("ray_serve_replica_processing_queries",
			"Requests this replica is executing.", at),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(r.queued, r.ongoing, r.processing)
	return r, registry
}

// ServeHTTP queues one request, executes it, and refuses it with 503 when the queue is full, as Serve does.
func (r *replica) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	select {
	case r.waiting <- struct{}{}:
	default:
		http.Error(w, "max_queued_requests reached", http.StatusServiceUnavailable)
		return
	}
	r.queued.Inc()
	var assigned bool
	select {
	case r.slots <- struct{}{}:
		assigned = true
	case <-request.Context().Done():
	}
	<-r.waiting
	r.queued.Dec()
	if !assigned {
		return
	}
	defer func() { <-r.slots }()
	r.ongoing.Inc()
	defer r.ongoing.Dec()
	r.processing.Inc()
	defer r.processing.Dec()
	if pause(request.Context(), r.work) {
		fmt.Fprintln(w, `{"result": "ok"}`)
	}
}

func rayServe(ctx context.Context, args []string) error {
	f := flags("ray-serve")
	address := f.String("listen", ":8000", "address of the Serve proxy")
	metrics := f.String("metrics", ":8080", "address of /metrics")
	application := f.String("application", "inference", "value of the label application")
	deployment := f.String("deployment", "Model", "value of the label deployment")
	maxOngoing := f.Int("max-ongoing-requests", 5, "requests executed at once")
	maxQueued := f.Int("max-queued-requests", 1000, "requests that may wait; more are refused with 503")
	work := f.Duration("work", time.Second, "time one request takes")
	f.Parse(args)

	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	r, registry := newReplica(*maxOngoing, *maxQueued, *work, *application, *deployment, pod)
	mux := http.NewServeMux()
	mux.Handle("POST /", r)
	mux.HandleFunc("GET /-/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "success") })
	return serve(ctx, 20*time.Second,
		&http.Server{Addr: *address, Handler: mux}, &http.Server{Addr: *metrics, Handler: metricsHandler(registry)})
}
