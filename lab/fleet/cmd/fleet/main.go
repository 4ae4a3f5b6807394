// Fleet holds the lab's workloads and their clients, one subcommand each. What the rest of the project relies on
// is what they show to KEDA: metric names, labels and a JetStream consumer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A program runs until ctx ends (SIGINT or SIGTERM) or its work is done.
type program func(ctx context.Context, args []string) error

var programs = map[string]program{
	"ray-serve":      rayServe,
	"voice-setup":    voiceSetup,
	"voice-consumer": voiceConsumer,
	"voice-publish":  voicePublish,
	"batch-queue":    batchQueue,
	"batch-worker":   batchWorker,
	"batch-submit":   batchSubmit,
	"http-backend":   httpBackend,
	"envoy-drain":    envoyDrain,
	"load-ray-serve": loadRayServe,
	"load-envoy":     loadEnvoy,
}

func main() {
	log.SetFlags(log.Ltime)
	names := make([]string, 0, len(programs))
	for name := range programs {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "usage: fleet %s [flags]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := programs[os.Args[1]](ctx, os.Args[2:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "fleet %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// flags starts a subcommand's flag set; a wrong flag ends the program with its usage, as Go's own tools do.
func flags(name string) *flag.FlagSet {
	return flag.NewFlagSet("fleet "+name, flag.ExitOnError)
}

// metricsHandler serves one registry: only what the program itself registers, nothing of the Go runtime.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// serve runs HTTP servers until ctx ends. The first is then given `grace` to finish what it has in flight,
// while the others (metrics, readiness) still answer.
func serve(ctx context.Context, grace time.Duration, servers ...*http.Server) error {
	failed := make(chan error, len(servers))
	for _, server := range servers {
		go func() { failed <- server.ListenAndServe() }()
		defer server.Close()
	}
	log.Printf("listening on %s", servers[0].Addr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Printf("stopping: finishing requests in flight")
	late, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return servers[0].Shutdown(late)
}

// pause waits d, or less when ctx ends; it says whether the whole time passed.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
