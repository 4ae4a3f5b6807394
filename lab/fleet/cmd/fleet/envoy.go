package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// httpBackend is what Envoy sends requests to.
func httpBackend(ctx context.Context, args []string) error {
	f := flags("http-backend")
	address := f.String("listen", ":3000", "address")
	f.Parse(args)
	answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s\n", r.Method, r.URL.Path) }
	return serve(ctx, 5*time.Second, &http.Server{Addr: *address, Handler: http.HandlerFunc(answer)})
}

// Connections of the listeners that serve users: Envoy's own (admin, eg-ready-http, eg-stats-http) never end.
var userConnections = regexp.MustCompile(`^http\.https?-[^:]*\.downstream_cx_active: (\d+)$`)

// envoyDrain answers Envoy's preStop hook, as Envoy Gateway's shutdown manager does: it fails Envoy's health check,
// so that the Service drops the pod and every response closes its connection, and answers when the clients are
// gone or the time is up.
func envoyDrain(ctx context.Context, args []string) error {
	f := flags("envoy-drain")
	address := f.String("listen", ":19002", "address of the hook")
	admin := f.String("admin", "http://127.0.0.1:19000", "Envoy's admin interface")
	timeout := f.Duration("timeout", 20*time.Second, "longest drain; below the pod's terminationGracePeriodSeconds")
	f.Parse(args)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /shutdown/ready", func(_ http.ResponseWriter, r *http.Request) {
		if _, _, err := post(*admin, "/healthcheck/fail", nil); err != nil {
			log.Printf("drain: %v", err)
			return
		}
		until, cancel := context.WithTimeout(r.Context(), *timeout)
		defer cancel()
		// Not before two seconds: clients still arrive until every node has dropped the pod from the Service.
		for pause(until, 2*time.Second) {
			active, err := activeConnections(*admin)
			if err != nil {
				log.Printf("drain: %v", err)
				continue
			}
			log.Printf("drain: %d connections", active)
			if active == 0 {
				return
			}
		}
	})
	return serve(ctx, time.Second, &http.Server{Addr: *address, Handler: mux})
}

func activeConnections(admin string) (int, error) {
	response, err := queueClient.Get(admin + "/stats?filter=downstream_cx_active$")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	total := 0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if match := userConnections.FindStringSubmatch(lines.Text()); match != nil {
			count, _ := strconv.Atoi(match[1])
			total += count
		}
	}
	return total, lines.Err()
}
