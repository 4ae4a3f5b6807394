package main

import (
	"fmt"
	"sync"
	"time"
)

// job is one piece of work of a queue. Seconds is how long a worker takes over it.
type job struct {
	ID      int     `json:"id"`
	Queue   string  `json:"queue"`
	Seconds float64 `json:"seconds"`

	deadline time.Time // while running: when it goes back to pending
}

// jobQueues holds the jobs of every queue, by name. A running job whose lease ends (its worker was killed) is
// pending again. Safe for concurrent use.
type jobQueues struct {
	mutex   sync.Mutex
	now     func() time.Time
	slack   time.Duration // a lease is the job's own time and this much more
	lastID  int
	pending map[string][]*job
	running map[int]*job
}

func newJobQueues(now func() time.Time, slack time.Duration) *jobQueues {
	return &jobQueues{now: now, slack: slack, pending: map[string][]*job{}, running: map[int]*job{}}
}

// add appends count jobs to a queue.
func (q *jobQueues) add(queue string, count int, seconds float64) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for range count {
		q.lastID++
		q.pending[queue] = append(q.pending[queue], &job{ID: q.lastID, Queue: queue, Seconds: seconds})
	}
}

// take leases the oldest pending job of a queue; nil when there is none.
func (q *jobQueues) take(queue string) *job {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.expire()
	waiting := q.pending[queue]
	if len(waiting) == 0 {
		q.pending[queue] = nil // the queue exists from now on: its metrics say 0
		return nil
	}
	taken := waiting[0]
	q.pending[queue] = waiting[1:]
	taken.deadline = q.now().Add(time.Duration(taken.Seconds*float64(time.Second)) + q.slack)
	q.running[taken.ID] = taken
	return taken
}

// done removes a running job; an error when its lease has ended or there never was one.
func (q *jobQueues) done(id int) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.expire()
	if q.running[id] == nil {
		return fmt.Errorf("job %d is not running: done already, or its lease ended", id)
	}
	delete(q.running, id)
	return nil
}

// release puts a running job back in front, for a worker that stops before it is done.
func (q *jobQueues) release(id int) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.expire()
	returned := q.running[id]
	if returned == nil {
		return fmt.Errorf("job %d is not running: done already, or its lease ended", id)
	}
	q.giveBack(returned)
	return nil
}

// drop forgets the pending jobs of a queue and says how many there were; running ones go on.
func (q *jobQueues) drop(queue string) int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	dropped := len(q.pending[queue])
	q.pending[queue] = nil
	return dropped
}

// depths returns the number of pending and of running jobs of each queue that was ever named.
func (q *jobQueues) depths() (pending, running map[string]int) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.expire()
	pending, running = map[string]int{}, map[string]int{}
	for queue, jobs := range q.pending {
		pending[queue], running[queue] = len(jobs), 0
	}
	for _, taken := range q.running {
		running[taken.Queue]++
	}
	return pending, running
}

func (q *jobQueues) expire() {
	for _, taken := range q.running {
		if !q.now().Before(taken.deadline) {
			q.giveBack(taken)
		}
	}
}

func (q *jobQueues) giveBack(taken *job) {
	delete(q.running, taken.ID)
	q.pending[taken.Queue] = append([]*job{taken}, q.pending[taken.Queue]...)
}
