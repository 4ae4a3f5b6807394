// Command oracle says what KEDA's own scaler constructors make of a trigger.
//
// Standard input has one JSON Spec a line, standard output one JSON Verdict a line, in the order of completion.
// A constructor may dial its backend: run the program where there is no network, and read stage "connect" as
// "KEDA took the parameters".
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-logr/logr"
	v2 "k8s.io/api/autoscaling/v2"
	"k8s.io/klog/v2"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

// Spec is one trigger with all that the operator resolves for it before it calls the constructor.
type Spec struct {
	ID             int               `json:"id"`
	Type           string            `json:"type"`
	Metadata       map[string]string `json:"metadata"`
	AuthParams     map[string]string `json:"authParams"`
	ResolvedEnv    map[string]string `json:"resolvedEnv"`
	PodIdentity    string            `json:"podIdentity"`
	IdentityID     string            `json:"identityId"`
	MetricType     string            `json:"metricType"`
	AsMetricSource bool              `json:"asMetricSource"`
}

// Verdict is KEDA's answer. Stage is empty when a scaler was built.
type Verdict struct {
	ID    int    `json:"id"`
	OK    bool   `json:"ok"`
	Stage string `json:"stage,omitempty"`
	Error string `json:"error,omitempty"`
}

// patience is how long a constructor may take. Parsing takes microseconds: one that is still busy is dialling.
// The rest of the time is for a machine that is busy with other things.
const patience = 2 * time.Second

func judge(spec Spec) Verdict {
	build, known := constructors[spec.Type]
	if !known {
		return Verdict{ID: spec.ID, Stage: parse, Error: "no scaler found for type: " + spec.Type}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, running := make(chan Verdict, 1), make(chan struct{})
	go func() {
		close(running)
		defer func() {
			if r := recover(); r != nil {
				answer <- Verdict{ID: spec.ID, Stage: panicked, Error: fmt.Sprintf("%v\n%s", r, debug.Stack())}
			}
		}()
		scaler, err := build(ctx, spec.config())
		if err != nil {
			answer <- Verdict{ID: spec.ID, Stage: stageOf(spec.Type, err), Error: err.Error()}
			return
		}
		answer <- Verdict{ID: spec.ID, OK: true}
		if scaler != nil {
			_ = scaler.Close(ctx)
		}
	}()
	<-running
	select {
	case verdict := <-answer:
		return verdict
	case <-time.After(patience):
	}
	// After a stall of the whole machine the answer may be as late as the timer, or just coming.
	select {
	case verdict := <-answer:
		return verdict
	case <-time.After(patience / 10):
		return Verdict{ID: spec.ID, Stage: connect, Error: "still dialling"}
	}
}

func (spec Spec) config() *scalersconfig.ScalerConfig {
	identity := kedav1alpha1.AuthPodIdentity{Provider: kedav1alpha1.PodIdentityProvider(spec.PodIdentity)}
	if spec.IdentityID != "" {
		identity.IdentityID = &spec.IdentityID
	}
	return &scalersconfig.ScalerConfig{
		ScalableObjectName:      "workload",
		ScalableObjectNamespace: "default",
		ScalableObjectType:      "ScaledObject",
		GlobalHTTPTimeout:       patience / 4,
		TriggerType:             spec.Type,
		TriggerMetadata:         orEmpty(spec.Metadata),
		AuthParams:              orEmpty(spec.AuthParams),
		ResolvedEnv:             orEmpty(spec.ResolvedEnv),
		PodIdentity:             identity,
		TriggerUniqueKey:        fmt.Sprintf("ScaledObject-default-workload-%d", spec.ID),
		MetricType:              v2.MetricTargetType(spec.MetricType),
		AsMetricSource:          spec.AsMetricSource,
		ScaledObject:            &kedav1alpha1.ScaledObject{},
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func main() {
	// Some of KEDA's packages print to standard output, which here carries verdicts only.
	results := os.Stdout
	os.Stdout = os.Stderr
	logf.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())

	var output sync.Mutex
	encoder := json.NewEncoder(results)
	specs := make(chan Spec)
	var workers sync.WaitGroup
	// Most of the waiting is for a dial's timeout, so more workers than CPUs.
	for range 128 * runtime.NumCPU() {
		workers.Go(func() {
			for spec := range specs {
				verdict := judge(spec)
				output.Lock()
				_ = encoder.Encode(verdict)
				output.Unlock()
			}
		})
	}
	decoder := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var spec Spec
		if err := decoder.Decode(&spec); err == io.EOF {
			break
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "oracle: standard input:", err)
			os.Exit(2)
		}
		specs <- spec
	}
	close(specs)
	workers.Wait()
}

type constructor func(context.Context, *scalersconfig.ScalerConfig) (scalers.Scaler, error)
