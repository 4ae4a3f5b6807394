"""Prometheus Adapter's rules, read backwards: which PromQL query stands behind a metric an HPA names.

The adapter finds its series by asking Prometheus; here only the rule is known, so the series' name comes
from `seriesQuery`, or from the metric's name through `name.matches` and `name.as`. What is found is put
through the rule forwards again, as the adapter would, before it is believed.

Source: kubernetes-sigs/prometheus-adapter, pkg/naming (metric_namer.go, metrics_query.go,
resource_converter.go), pkg/config/config.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keda.adoption.hpa import Selector
from keda.core.errors import MISSING, Fault, SpecError, join
from keda.manifests.documents import Unreadable, documents
from keda.manifests.reading import mapping, text
from keda.syntax import promql

# `<<- ` and ` ->>` take the white space around them away (Go's text/template).
_CALL = re.compile(r"(?:\s*<<-\s|<<)\s*(.*?)\s*(?:\s->>\s*|>>)")
_LABEL_VALUE = re.compile(r'index\s+\.LabelValuesByName\s+"([^"]+)"')
_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
# Without ^ another series could end so. Without $ one could go on, but the adapter's examples leave it out.
_ONE_GROUP = re.compile(r"\^([\w:]*)\([^()]*\)([\w:]*)\$?")
_LITERAL = re.compile(r"\^([\w:]+)\$")
_LISTED = re.compile(r"\^?(?:\((?:\?:)?)?([\w:]+(?:\|[\w:]+)*)\)?\$?")
# What cAdvisor's series are named after `container_` (google/cadvisor, metrics/prometheus.go).
_OF_CADVISOR = re.compile(
    r"container_|(blkio|cpu|file|fs|hugetlb|last|llc|memory|network|oom|perf|pressure|processes|referenced"
    r"|scrape|sockets|spec|start|tasks|threads|ulimits|uncore)_|processes$|sockets$|threads$"
)
_SINGULAR = {"namespaces": "namespace", "pods": "pod", "services": "service", "nodes": "node"}


class NotExact(Exception):
    """Why a rule's query cannot be written down without the running adapter: half a sentence."""


@dataclass(frozen=True)
class Matcher:
    """`label operator value` of a PromQL selector."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{value}"'


@dataclass(frozen=True)
class Rule:
    """One discovery rule. `where` names it in messages: `externalRules[0]`."""

    where: str
    series_query: str
    metrics_query: str
    matches: str = ""
    renamed: str = ""
    filters: tuple[tuple[bool, str], ...] = ()
    """(whether it must match, regular expression), on the series' name."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Resource, in the singular -> the label that carries its name."""
    label_template: str = ""
    namespaced: bool = True

    def label(self, resource: str) -> str:
        """The label that carries the name of a `pod`, a `namespace`, a `service`. Raises NotExact."""
        if resource in self.labels:
            return self.labels[resource]
        template = _CALL.sub(
            lambda call: {".Resource": resource, ".Group": ""}.get(call[1], "<"), self.label_template
        )
        if not template or "<" in template:
            raise NotExact(f"names no label for a {resource} in resources.overrides or resources.template")
        return template

    def series(self, metric: str) -> list[str]:
        """The series that the adapter may serve as `metric`, if the rule alone names them."""
        return [name for name in dict.fromkeys(self._candidates(metric)) if self.metric(name) == metric]

    def metric(self, series: str) -> str | None:
        """The name under which the adapter serves a series; None if this rule does not take it."""
        filters = [*self.filters, (True, self.matches)] if self.matches else self.filters
        if any((re.search(pattern, series) is not None) is not wanted for wanted, pattern in filters):
            return None
        if not any(_named(name, operator, series) for name, operator in self._names()):
            return None
        matched = re.search(self.matches or ".*", series)
        return _expanded(self._renamed(), matched) if matched else None

    def fits(self, metric: str, series: str) -> int:
        """How likely this rule and series stand behind a metric: the larger, the more.

        2: the rule is written for it, by the series' name or by a name of its own. 1: it is the plain name.
        0: the series has another name, and every metric could have such a series.
        """
        listed = any(operator == "=" or _literals(name) for name, operator in self._names())
        if listed or _LITERAL.fullmatch(self.matches) or _REFERENCE.sub("", self._renamed()):
            return 2
        return int(series == metric)

    def query(self, series: str, matchers: Sequence[Matcher], group_by: str) -> str:
        """The template filled in. Raises NotExact if it uses what is known to a running adapter only."""
        values = {matcher.label: matcher.value for matcher in matchers}
        fields = {
            ".Series": series,
            ".LabelMatchers": ",".join(map(str, matchers)),
            ".GroupBy": group_by,
        }

        def fill(call: re.Match[str]) -> str:
            if call[1] in fields:
                return fields[call[1]]
            if named := _LABEL_VALUE.fullmatch(call[1]):
                return values.get(named[1], "")
            found = call[0].strip()
            raise NotExact(f"has {found} in its metricsQuery, which only the running adapter fills in")

        return _CALL.sub(fill, self.metrics_query)

    def _renamed(self) -> str:
        groups = re.compile(self.matches).groups if self.matches else 0
        return self.renamed or ("$1" if groups == 1 else "$0")

    def _names(self) -> list[tuple[str, str]]:
        """What `seriesQuery` asks of the name: (name or pattern, operator)."""
        try:
            tree = promql.parse(self.series_query)
        except (promql.Broken, promql.TooDeep):
            return []
        found = []
        for name, matchers in promql.selectors(tree):
            operator, value = matchers.get("__name__", ("=", name))
            found.append((value, operator) if value else (".*", "=~"))
        return found

    def _candidates(self, metric: str) -> Iterator[str]:
        for name, operator in self._names():
            yield from [name] if operator == "=" else _literals(name) if operator == "=~" else []
        renamed = self._renamed()
        references = list(_REFERENCE.finditer(renamed))
        if not references and (literal := _LITERAL.fullmatch(self.matches)):
            yield literal[1]
        if len(references) != 1:
            return
        before, after = renamed[: references[0].start()], renamed[references[0].end() :]
        if not (metric.startswith(before) and metric.endswith(after)):
            return
        captured = metric[len(before) : len(metric) - len(after)]
        if not self.matches:
            yield captured
        elif group := _ONE_GROUP.fullmatch(self.matches):
            yield f"{group[1]}{captured}{group[2]}"


@dataclass(frozen=True)
class AdapterRules:
    """The rules of one adapter, for the custom and for the external metrics API."""

    custom: tuple[Rule, ...] = ()
    external: tuple[Rule, ...] = ()

    def serving(self, metric: str, *, external: bool) -> list[tuple[Rule, str]]:
        """(Rule, series) of every rule that can serve a metric, in their order.

        A later rule writes over an earlier one, if Prometheus has its series (series_registry.go, SetSeries).
        A rule for all of cAdvisor's series is left out where a metric that is not its own has a plain name.
        """
        rules = self.external if external else self.custom
        found = [(rule, series) for rule in rules for series in rule.series(metric)]
        if _OF_CADVISOR.match(metric) or all(series != metric for _, series in found):
            return found
        return [
            (rule, series)
            for rule, series in found
            if rule.fits(metric, series) or not series.startswith("container_")
        ]


def read_rules(document: object) -> AdapterRules:
    """From the adapter's config file, the ConfigMap that holds it, or the values of its Helm chart.

    The values may be those of a chart around it, or a HelmRelease's. Raises SpecError.
    """
    config = _config(document)
    rules = config.get("rules")
    if isinstance(rules, Mapping):  # the chart's values
        if existing := rules.get("existing"):
            why = "is a ConfigMap, and the rules are there, not in these values."
            raise SpecError([Fault("rules.existing", existing, why, "Give that ConfigMap.")])
        config = {"rules": rules.get("custom"), "externalRules": rules.get("external")}
    found = AdapterRules(tuple(_rules(config, "rules")), tuple(_rules(config, "externalRules")))
    if not found.custom and not found.external:
        why = "has neither rules nor externalRules. No query could be read from it."
        raise SpecError(
            [Fault("", MISSING, why, "Give the adapter's config.yaml, its ConfigMap or its Helm values.")]
        )
    return found


def label_matchers(selector: Selector) -> list[Matcher]:
    """A metric's label selector as the adapter writes it into the query (metrics_query.go, selectMatcher)."""
    found = [Matcher(label, "=", value) for label, value in selector.match_labels.items()]
    for each in selector.match_expressions:
        operator = {"In": "=~", "NotIn": "!~", "Exists": "!=", "DoesNotExist": "="}[each.operator]
        found.append(Matcher(each.key, operator, "|".join(sorted(set(each.values)))))
    return sorted(found, key=lambda matcher: matcher.label)


def _config(document: object) -> Mapping[str, Any]:
    found = mapping(document)
    if found.get("kind") == "ConfigMap" and isinstance(found.get("data"), Mapping):
        return _of_config_map(found["data"])
    if found.get("kind") == "HelmRelease":
        found = mapping(mapping(found.get("spec")).get("values"))
    return mapping(found.get("prometheus-adapter")) or found


def _of_config_map(data: Mapping[Any, Any]) -> Mapping[str, Any]:
    broken = []
    for name, file in data.items():
        try:
            config = next((each.value for each in documents(text(file))), None)
        except Unreadable as wrong:
            if str(name).endswith((".yaml", ".yml")):
                why = f"is not valid YAML in its line {wrong.line}: {wrong.why}. The adapter would not start."
                broken.append(Fault(join("data", str(name)), MISSING, why, "Correct it."))
            continue
        if isinstance(config, Mapping) and ("rules" in config or "externalRules" in config):
            return config
    if broken:
        raise SpecError(broken)
    return {}


def _rules(config: Mapping[str, Any], key: str) -> Iterator[Rule]:
    listed = config.get(key) or []
    for index, rule in enumerate(listed if isinstance(listed, list) else []):
        where = f"{key}[{index}]"
        if not isinstance(rule, Mapping) or not isinstance(rule.get("seriesQuery"), str):
            raise SpecError([Fault(f"{where}.seriesQuery", MISSING, "missing, and required.", "Write it.")])
        name, resources = mapping(rule.get("name")), mapping(rule.get("resources"))
        try:
            yield Rule(
                where=where,
                series_query=rule["seriesQuery"],
                metrics_query=text(rule.get("metricsQuery")) or "<<.Series>>{<<.LabelMatchers>>}",
                matches=_pattern(name.get("matches")),
                renamed=text(name.get("as")),
                filters=tuple(_filters(rule.get("seriesFilters"))),
                labels=_labels(resources.get("overrides")),
                label_template=text(resources.get("template")),
                namespaced=resources.get("namespaced") is not False,
            )
        except re.error as error:
            why = f"is not a regular expression: {error}. The adapter would not start."
            raise SpecError([Fault(f"{where}.name.matches", MISSING, why, "Correct it.")]) from None


def _filters(filters: object) -> Iterator[tuple[bool, str]]:
    for each in filters if isinstance(filters, list) else []:
        for key, wanted in (("is", True), ("isNot", False)):
            if isinstance(each, Mapping) and each.get(key):
                yield wanted, _pattern(each[key])


def _labels(overrides: object) -> dict[str, str]:
    found = {}
    for label, target in mapping(overrides).items():
        resource = text(mapping(target).get("resource"))
        found[_SINGULAR.get(resource, resource)] = str(label)
    return found


def _literals(pattern: str) -> list[str]:
    """The names that a pattern lists, if it is a list only. Prometheus anchors its patterns."""
    listed = _LISTED.fullmatch(pattern)
    return listed[1].split("|") if listed else []


def _named(name: str, operator: str, series: str) -> bool:
    """Whether a matcher on `__name__` takes a series; Prometheus anchors its patterns."""
    if operator in ("=", "!="):
        return (name == series) is (operator == "=")
    try:
        return (re.fullmatch(name, series) is not None) is (operator == "=~")
    except re.error:  # Go's syntax has a little that Python's has not
        return False


def _expanded(template: str, matched: re.Match[str]) -> str:
    """Go's Regexp.Expand: `$1x` is the group named `1x`, which is none, and so is empty."""

    def group(reference: re.Match[str]) -> str:
        if reference[0] == "$$":
            return "$"
        key = reference[1] or reference[2]
        try:
            return matched[int(key) if key.isdigit() else key] or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, template)


def _pattern(value: object) -> str:
    """A regular expression. Raises re.error."""
    re.compile(text(value))
    return text(value)
