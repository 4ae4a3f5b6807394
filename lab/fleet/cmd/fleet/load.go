package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// clients runs n clients until the time is up, with one progress line every five seconds.
func clients(ctx context.Context, n int, d time.Duration, progress func() string, client func(context.Context)) error {
	if n < 1 || n > 2000 {
		return fmt.Errorf("%d clients: write 1-2000", n)
	}
	if d <= 0 || d > time.Hour {
		return fmt.Errorf("%s: write a time above 0 and at most 1h", d)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	for range n {
		all.Go(func() { client(ctx) })
	}
	for started := time.Now(); pause(ctx, 5*time.Second); {
		log.Printf("%3.0f of %.0f s: %s", time.Since(started).Seconds(), d.Seconds(), progress())
	}
	all.Wait()
	log.Printf("ended: %s", progress())
	return nil
}

// loadRayServe keeps a number of requests in flight. Each takes a connection of its own, so that new replicas get
// their share at once.
func loadRayServe(ctx context.Context, args []string) error {
	f := flags("load-ray-serve")
	address := f.String("url", "http://127.0.0.1:8000/", "Serve proxy")
	concurrency := f.Int("concurrency", 30, "requests in flight")
	seconds := f.Float64("seconds", 90, "how long")
	f.Parse(args)

	var answered, refused atomic.Int64
	requester := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return clients(ctx, *concurrency, time.Duration(*seconds*float64(time.Second)),
		func() string {
			return fmt.Sprintf("%d requests in flight, %d answered, %d failed", *concurrency, answered.Load(), refused.Load())
		},
		func(ctx context.Context) {
			for ctx.Err() == nil {
				switch err := request(ctx, requester, http.MethodPost, *address); {
				case err == nil:
					answered.Add(1)
				case ctx.Err() == nil:
					refused.Add(1)
					pause(ctx, time.Second)
				}
			}
		})
}

// loadEnvoy holds client connections open, each with a request every two seconds. A connection that Envoy closes
// (it drains) is opened again, as browsers do.
func loadEnvoy(ctx context.Context, args []string) error {
	f := flags("load-envoy")
	address := f.String("url", "http://127.0.0.1:10080/", "the Gateway")
	connections := f.Int("connections", 140, "connections held open")
	seconds := f.Float64("seconds", 90, "how long")
	f.Parse(args)

	var open, answered, refused atomic.Int64
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return clients(ctx, *connections, time.Duration(*seconds*float64(time.Second)),
		func() string {
			return fmt.Sprintf("%d connections open, %d requests answered, %d failed", open.Load(), answered.Load(), refused.Load())
		},
		func(ctx context.Context) {
			transport := &http.Transport{
				MaxConnsPerHost: 1,
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					connection, err := dialer.DialContext(ctx, network, address)
					if err != nil {
						return nil, err
					}
					open.Add(1)
					return &countedConnection{Conn: connection, open: &open}, nil
				},
			}
			defer transport.CloseIdleConnections()
			requester := &http.Client{Transport: transport, Timeout: 10 * time.Second}
			for ctx.Err() == nil {
				if err := request(ctx, requester, http.MethodGet, *address); err == nil {
					answered.Add(1)
				} else if ctx.Err() == nil {
					refused.Add(1)
				}
				pause(ctx, 2*time.Second)
			}
		})
}

// countedConnection takes itself off the number of open connections when it is closed, once.
type countedConnection struct {
	net.Conn
	open   *atomic.Int64
	closed sync.Once
}

func (c *countedConnection) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func request(ctx context.Context, client *http.Client, method, url string) error {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", response.Status)
	}
	return err
}
