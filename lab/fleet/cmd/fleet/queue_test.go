package main

import (
	"testing"
	"time"
)

func testQueues() (*jobQueues, *time.Time) {
	now := time.Unix(1000, 0)
	return newJobQueues(func() time.Time { return now }, 10*time.Second), &now
}

func expectDepths(t *testing.T, q *jobQueues, queue string, pending, running int) {
	t.Helper()
	p, r := q.depths()
	if p[queue] != pending || r[queue] != running {
		t.Fatalf("queue %s: %d pending, %d running; want %d and %d", queue, p[queue], r[queue], pending, running)
	}
}

func TestJobGoesFromPendingToRunningToDone(t *testing.T) {
	q, _ := testQueues()
	q.add("inference", 2, 5)
	first := q.take("inference")
	if first == nil || first.ID != 1 {
		t.Fatalf("took %v, want the oldest job", first)
	}
	expectDepths(t, q, "inference", 1, 1)
	if err := q.done(first.ID); err != nil {
		t.Fatal(err)
	}
	expectDepths(t, q, "inference", 1, 0)
	if err := q.done(first.ID); err == nil {
		t.Fatal("a job was done twice")
	}
}

func TestKilledWorkersJobReturnsWhenItsLeaseEnds(t *testing.T) {
	q, now := testQueues()
	q.add("inference", 1, 5)
	taken := q.take("inference")
	*now = now.Add(14 * time.Second)
	expectDepths(t, q, "inference", 0, 1)
	*now = now.Add(time.Second)
	expectDepths(t, q, "inference", 1, 0)
	if err := q.done(taken.ID); err == nil {
		t.Fatal("a job whose lease had ended was done")
	}
	if again := q.take("inference"); again == nil || again.ID != taken.ID {
		t.Fatalf("took %v, want job %d again", again, taken.ID)
	}
}

func TestReleasedJobIsNext(t *testing.T) {
	q, _ := testQueues()
	q.add("inference", 2, 5)
	first := q.take("inference")
	if err := q.release(first.ID); err != nil {
		t.Fatal(err)
	}
	expectDepths(t, q, "inference", 2, 0)
	if next := q.take("inference"); next.ID != first.ID {
		t.Fatalf("took %d, want the released job %d", next.ID, first.ID)
	}
}

func TestQueuesAreApart(t *testing.T) {
	q, _ := testQueues()
	q.add("inference", 1, 5)
	if taken := q.take("training"); taken != nil {
		t.Fatalf("took %v from another queue", taken)
	}
	expectDepths(t, q, "inference", 1, 0)
	if _, there := q.pending["training"]; !there {
		t.Fatal("an asked-for queue must have metrics that say 0")
	}
	if dropped := q.drop("inference"); dropped != 1 {
		t.Fatalf("dropped %d, want 1", dropped)
	}
	expectDepths(t, q, "inference", 0, 0)
}
