package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	voiceStream   = "VOICE"
	voiceConsumed = "voice-pipeline"
	voiceSubject  = "voice.utterance"
)

func connect(url, name string) (*nats.Conn, jetstream.JetStream, error) {
	// Pods start in any order and NATS may restart: keep trying, the probes and the logs say so meanwhile.
	connection, err := nats.Connect(url, nats.Name(name), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Printf("NATS: disconnected: %v", err) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Printf("NATS: connected to %s", c.ConnectedUrl()) }))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(connection)
	return connection, js, err
}

// ensureVoice creates the stream and its durable consumer, or leaves them as they are.
func ensureVoice(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: voiceStream, Subjects: []string{"voice.>"},
		MaxMsgs: 10_000, MaxAge: time.Hour, Discard: jetstream.DiscardOld,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", voiceStream, err)
	}
	if _, err = stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: voiceConsumed, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second,
	}); err != nil {
		return fmt.Errorf("consumer %s: %w", voiceConsumed, err)
	}
	return nil
}

// voiceSetup keeps the stream and the consumer in being, as the NATS controller does from its custom resources:
// with its consumer missing KEDA 2.19 counts the whole stream (kedacore/keda#7657). /healthz answers 200 while
// both are there, so the pod beside which it runs is Ready only then.
func voiceSetup(ctx context.Context, args []string) error {
	f := flags("voice-setup")
	url := f.String("nats", nats.DefaultURL, "NATS server")
	address := f.String("listen", ":8081", "address of /healthz")
	every := f.Duration("every", 5*time.Second, "time between two looks")
	f.Parse(args)

	connection, js, err := connect(*url, "voice-setup")
	if err != nil {
		return err
	}
	defer connection.Close()
	var there atomic.Bool
	go func() {
		for {
			err := ensureVoice(ctx, js)
			if was := there.Swap(err == nil); err != nil {
				log.Printf("not there: %v (NATS: %s)", err, connection.Status())
			} else if !was {
				log.Printf("stream %s and consumer %s are there", voiceStream, voiceConsumed)
			}
			if !pause(ctx, *every) {
				return
			}
		}
	}()
	health := func(w http.ResponseWriter, _ *http.Request) {
		if !there.Load() {
			http.Error(w, "stream or consumer not there yet", http.StatusServiceUnavailable)
		}
	}
	return serve(ctx, time.Second, &http.Server{Addr: *address, Handler: http.HandlerFunc(health)})
}

// voiceConsumer takes one message at a time, works on it, acknowledges it. On SIGTERM it finishes the one in hand.
func voiceConsumer(ctx context.Context, args []string) error {
	f := flags("voice-consumer")
	url := f.String("nats", nats.DefaultURL, "NATS server")
	work := f.Duration("work", 3*time.Second, "time one message takes")
	f.Parse(args)

	connection, js, err := connect(*url, voiceConsumed)
	if err != nil {
		return err
	}
	defer connection.Close()
	for ctx.Err() == nil {
		message, err := nextVoice(ctx, js)
		if err != nil {
			if !errors.Is(err, nats.ErrTimeout) && ctx.Err() == nil {
				log.Printf("no message: %v (NATS: %s)", err, connection.Status())
				pause(ctx, 2*time.Second)
			}
			continue
		}
		time.Sleep(*work)
		acknowledged, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := message.DoubleAck(acknowledged); err != nil {
			log.Printf("not acknowledged, NATS will deliver it again: %v", err)
		} else {
			log.Printf("done: %s", message.Data())
		}
		cancel()
	}
	log.Printf("stopped with no message in hand")
	return nil
}

// nextVoice waits a short while for one message, so that SIGTERM is noticed between two messages. The wait is
// server-side (a pull request that expires): a message is never delivered to a consumer that has given up.
func nextVoice(ctx context.Context, js jetstream.JetStream) (jetstream.Msg, error) {
	consumer, err := js.Consumer(ctx, voiceStream, voiceConsumed)
	if err != nil {
		return nil, err
	}
	return consumer.Next(jetstream.FetchMaxWait(2 * time.Second))
}

// voicePublish stores messages in the stream, each confirmed by the server.
func voicePublish(ctx context.Context, args []string) error {
	f := flags("voice-publish")
	url := f.String("nats", nats.DefaultURL, "NATS server")
	messages := f.Int("messages", 40, "messages to publish, 1-10000")
	f.Parse(args)
	if *messages < 1 || *messages > 10_000 {
		return fmt.Errorf("-messages: %d is outside 1-10000: the stream keeps 10000", *messages)
	}

	connection, err := nats.Connect(*url, nats.Name("voice-publish"), nats.Timeout(10*time.Second))
	if err != nil {
		return fmt.Errorf("%s: %w", *url, err)
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	for n := 1; n <= *messages; n++ {
		stored, err := js.Publish(ctx, voiceSubject, fmt.Appendf(nil, "utterance %d of %d", n, *messages))
		if err != nil {
			return fmt.Errorf("message %d of %d: %w", n, *messages, err)
		}
		if n == *messages {
			log.Printf("%d messages stored in stream %s, the last as number %d", n, stored.Stream, stored.Sequence)
		}
	}
	return nil
}
