package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	jobsPending = prometheus.NewDesc("batch_jobs_pending", "Jobs that wait for a worker.", []string{"queue"}, nil)
	jobsRunning = prometheus.NewDesc("batch_jobs_running", "Jobs that a worker has taken.", []string{"queue"}, nil)
)

// Describe and Collect make the queues a prometheus.Collector: the numbers are counted at each scrape.
func (q *jobQueues) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- jobsPending
	descriptions <- jobsRunning
}

func (q *jobQueues) Collect(metrics chan<- prometheus.Metric) {
	pending, running := q.depths()
	for queue, count := range pending {
		metrics <- prometheus.MustNewConstMetric(jobsPending, prometheus.GaugeValue, float64(count), queue)
		metrics <- prometheus.MustNewConstMetric(jobsRunning, prometheus.GaugeValue, float64(running[queue]), queue)
	}
}

// queueHandler is the queue's HTTP face:
//
//	POST   /jobs?queue=Q&count=N&seconds=S   add N jobs of S seconds
//	DELETE /jobs?queue=Q                     forget Q's pending jobs
//	POST   /take?queue=Q                     200 and a job, or 204 when there is none
//	POST   /done?id=I, /release?id=I         204, or 409 when the job is not running
//	GET    /metrics                          batch_jobs_pending, batch_jobs_running {queue}
func queueHandler(q *jobQueues) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(q)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(registry))
	mux.HandleFunc("POST /jobs", func(w http.ResponseWriter, r *http.Request) {
		count, err := strconv.Atoi(r.FormValue("count"))
		if err != nil || count < 1 || count > 1000 {
			http.Error(w, fmt.Sprintf("count: %q is not a number in 1-1000", r.FormValue("count")), http.StatusBadRequest)
			return
		}
		seconds, err := strconv.ParseFloat(r.FormValue("seconds"), 64)
		if err != nil || !(seconds > 0 && seconds <= 3600) {
			http.Error(w, fmt.Sprintf("seconds: %q is not above 0 and at most 3600", r.FormValue("seconds")), http.StatusBadRequest)
			return
		}
		q.add(queueName(r), count, seconds)
		log.Printf("queue %s: %d jobs of %g s added", queueName(r), count, seconds)
	})
	mux.HandleFunc("DELETE /jobs", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("queue %s: %d pending jobs forgotten", queueName(r), q.drop(queueName(r)))
	})
	mux.HandleFunc("POST /take", func(w http.ResponseWriter, r *http.Request) {
		taken := q.take(queueName(r))
		if taken == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		json.NewEncoder(w).Encode(taken)
	})
	finish := func(finished func(int) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			id, err := strconv.Atoi(r.FormValue("id"))
			if err == nil {
				err = finished(id)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	}
	mux.HandleFunc("POST /done", finish(q.done))
	mux.HandleFunc("POST /release", finish(q.release))
	return mux
}

func queueName(r *http.Request) string {
	if name := r.FormValue("queue"); name != "" {
		return name
	}
	return "inference"
}

func batchQueue(ctx context.Context, args []string) error {
	f := flags("batch-queue")
	address := f.String("listen", ":8080", "address of the queue and of /metrics")
	slack := f.Duration("slack", 15*time.Second, "a taken job is pending again after its own time and this")
	f.Parse(args)

	q := newJobQueues(time.Now, *slack)
	q.drop("inference") // named from the start: a queue without jobs says 0, not nothing
	return serve(ctx, time.Second, &http.Server{Addr: *address, Handler: queueHandler(q)})
}

// batchWorker takes a job, works its time and reports it done. On SIGTERM it finishes the job in hand within
// -grace, or gives it back. With -once it does one job, or none when none is there, and ends: a ScaledJob's pod.
func batchWorker(ctx context.Context, args []string) error {
	f := flags("batch-worker")
	server := f.String("server", "http://127.0.0.1:8080", "the queue")
	queue := f.String("queue", "inference", "name of the queue")
	once := f.Bool("once", false, "one job at most, then exit 0")
	grace := f.Duration("grace", 25*time.Second, "how long a job in hand may go on after SIGTERM")
	f.Parse(args)

	for ctx.Err() == nil {
		taken, err := takeJob(*server, *queue)
		switch {
		case err != nil:
			log.Printf("no job: %v", err)
		case taken != nil:
			log.Printf("job %d: %g s of work", taken.ID, taken.Seconds)
			finishJob(ctx, *server, taken, *grace)
		case *once:
			log.Printf("no job is pending")
		}
		if *once && err == nil {
			return nil
		}
		if taken == nil {
			pause(ctx, time.Second)
		}
	}
	return nil
}

func takeJob(server, queue string) (*job, error) {
	body, status, err := post(server, "/take", url.Values{"queue": {queue}})
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	taken := &job{}
	return taken, json.Unmarshal(body, taken)
}

func finishJob(ctx context.Context, server string, taken *job, grace time.Duration) {
	remaining := time.Duration(taken.Seconds * float64(time.Second))
	started := time.Now()
	outcome := "/done"
	if !pause(ctx, remaining) {
		if remaining -= time.Since(started); remaining > grace {
			outcome = "/release"
		} else {
			log.Printf("job %d: stopping, but finishing it first (%s)", taken.ID, remaining.Round(time.Second))
			time.Sleep(remaining)
		}
	}
	if _, _, err := post(server, outcome, url.Values{"id": {strconv.Itoa(taken.ID)}}); err != nil {
		log.Printf("job %d: %s: %v", taken.ID, outcome, err)
	} else {
		log.Printf("job %d: %s", taken.ID, outcome[1:])
	}
}

// batchSubmit adds jobs to a queue.
func batchSubmit(_ context.Context, args []string) error {
	f := flags("batch-submit")
	server := f.String("server", "http://127.0.0.1:8080", "the queue")
	queue := f.String("queue", "inference", "name of the queue")
	jobs := f.Int("jobs", 4, "jobs to add, 1-1000")
	seconds := f.Float64("seconds", 60, "seconds of work in each job")
	f.Parse(args)
	_, _, err := post(*server, "/jobs", url.Values{
		"queue": {*queue}, "count": {strconv.Itoa(*jobs)}, "seconds": {strconv.FormatFloat(*seconds, 'g', -1, 64)},
	})
	if err == nil {
		log.Printf("%d jobs of %g s added to queue %s", *jobs, *seconds, *queue)
	}
	return err
}

var queueClient = &http.Client{Timeout: 10 * time.Second}

// post sends a form's values as the query; an answer other than 2xx is an error with the server's own words.
func post(server, path string, values url.Values) (body []byte, status int, err error) {
	response, err := queueClient.Post(server+path+"?"+values.Encode(), "", nil)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		return nil, 0, err
	}
	if response.StatusCode/100 != 2 {
		return nil, response.StatusCode, fmt.Errorf("%s%s: %s: %s", server, path, response.Status, body)
	}
	return body, response.StatusCode, nil
}
