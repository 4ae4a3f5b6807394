// Command adapter prints the queries that Prometheus Adapter's own code makes of its rules.
//
// Standard input has one JSON Question a line, standard output one JSON Answer a line, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	prom "sigs.k8s.io/prometheus-adapter/pkg/client"
	"sigs.k8s.io/prometheus-adapter/pkg/config"
	"sigs.k8s.io/prometheus-adapter/pkg/naming"
)

// Question is a rule, a series that Prometheus has, and what an HPA wants of it.
type Question struct {
	Rule      string   `json:"rule"` // the adapter's configuration, with one rule in `rules`
	Series    string   `json:"series"`
	External  bool     `json:"external"`
	Resource  string   `json:"resource"` // plural, of a custom metric
	Names     []string `json:"names"`
	Namespace string   `json:"namespace"` // "" where the described object has none
	Selector  string   `json:"selector"`
}

// Answer is the name under which the adapter serves the series, and the query it sends to Prometheus.
type Answer struct {
	Metric string `json:"metric"` // "" where the rule passes the series over
	Query  string `json:"query"`
	Error  string `json:"error"`
}

func main() {
	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Pod"), apimeta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Service"), apimeta.RESTScopeNamespace)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), apimeta.RESTScopeRoot)
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var question Question
		if err := json.Unmarshal(lines.Bytes(), &question); err != nil {
			panic(err)
		}
		answer, err := ask(question, mapper)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			panic(err)
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
}

func ask(question Question, mapper apimeta.RESTMapper) (answer Answer, err error) {
	parsed, err := config.FromYAML([]byte(question.Rule))
	if err != nil {
		return answer, err
	}
	namers, err := naming.NamersFromConfig(parsed.Rules, mapper)
	if err != nil {
		return answer, err
	}
	if len(namers) != 1 {
		return answer, fmt.Errorf("%d rules", len(namers))
	}
	namer := namers[0]
	series := namer.FilterSeries([]prom.Series{{Name: question.Series}})
	if len(series) == 0 {
		return answer, nil
	}
	if answer.Metric, err = namer.MetricNameForSeries(series[0]); err != nil {
		return answer, err
	}
	selector, err := labels.Parse(question.Selector)
	if err != nil {
		return answer, err
	}
	var query prom.Selector
	if question.External {
		query, err = namer.QueryForExternalSeries(question.Series, question.Namespace, selector)
	} else {
		resource := schema.GroupResource{Resource: question.Resource}
		query, err = namer.QueryForSeries(question.Series, resource, question.Namespace, selector, question.Names...)
	}
	answer.Query = string(query)
	return answer, err
}
