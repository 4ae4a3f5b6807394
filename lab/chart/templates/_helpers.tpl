{{/* Labels of one object. Argument: dict "root" $ "name" <app.kubernetes.io/name>. CRDs carry the first part only. */}}
{{- define "keda.commonLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: keda-operator
app.kubernetes.io/version: {{ .root.Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "keda.labels" -}}
{{ include "keda.commonLabels" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .root.Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image reference. Argument: dict "root" $ "image" <values>. */}}
{{- define "keda.image" -}}
{{ .root.Values.global.image.registry | default .image.registry }}/{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* `--key=value` for each of a map. */}}
{{- define "keda.extraArgs" -}}
{{- range $flag, $value := . }}
- --{{ $flag }}={{ $value }}
{{- end }}
{{- end }}

{{/* The three --zap flags. Argument: dict "level" "format" "timeEncoding". */}}
{{- define "keda.zapArgs" -}}
- --zap-log-level={{ .level }}
- --zap-encoder={{ .format }}
- --zap-time-encoding={{ .timeEncoding }}
{{- end }}

{{- define "keda.watchNamespaceEnv" -}}
- name: WATCH_NAMESPACE
  value: {{ .Values.watchNamespace | quote }}
{{- end }}

{{/* Environment from the pod itself. Argument: dict <variable> <field path>. */}}
{{- define "keda.podEnv" -}}
{{- range $variable, $path := . }}
- name: {{ $variable }}
  valueFrom: {fieldRef: {fieldPath: {{ $path }}}}
{{- end }}
{{- end }}

{{/* What the two programs that run scalers read. Argument: dict "root" $ "restrict" <permissions.*.restrict>. */}}
{{- define "keda.scalerEnv" -}}
{{- with .root.Values.http }}
- {name: KEDA_HTTP_DEFAULT_TIMEOUT, value: {{ .timeout | quote }}}
- {name: KEDA_HTTP_MIN_TLS_VERSION, value: {{ .minTlsVersion | quote }}}
{{- if not .keepAlive.enabled }}
- {name: KEDA_HTTP_DISABLE_KEEP_ALIVE, value: "true"}
{{- end }}
{{- end }}
{{- if .restrict.secret }}
- {name: KEDA_RESTRICT_SECRET_ACCESS, value: "true"}
{{- end }}
{{- end }}

{{/* Annotations for a Prometheus that finds its targets by them, where no ServiceMonitor does. */}}
{{- define "keda.scrapeAnnotations" -}}
{{- if and .enabled (not .serviceMonitor.enabled) -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
{{- end }}
{{- end }}

{{/*
One Deployment of one container. Argument: a dict of
  root; name; labels (of object and pod, `app` among them); serviceAccount; settings (replicaCount and probes);
  key (this component's key under resources, securityContext, podSecurityContext);
  image; probe (httpGet without its path); container (YAML: command, args, ports, env);
  optional: annotations of the pod; certificateOptional; dnsPolicy
*/}}
{{- define "keda.deployment" -}}
{{- $values := .root.Values }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- toYaml .labels | nindent 4 }}
    {{- include "keda.labels" . | nindent 4 }}
spec:
  replicas: {{ .settings.replicaCount }}
  revisionHistoryLimit: 10
  selector:
    matchLabels:
      app: {{ .name }}
  template:
    metadata:
      labels:
        {{- toYaml .labels | nindent 8 }}
        {{- include "keda.labels" . | nindent 8 }}
      {{- with .annotations }}
      annotations:
        {{- . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ .serviceAccount }}
      automountServiceAccountToken: true
      enableServiceLinks: true
      hostNetwork: false
      {{- with .dnsPolicy }}
      dnsPolicy: {{ . }}
      {{- end }}
      nodeSelector: {kubernetes.io/os: linux}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml (get $values.podSecurityContext .key) | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ include "keda.image" . }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          {{- .container | nindent 10 }}
            {{- with $values.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          livenessProbe:
            httpGet:
              path: /healthz
              {{- .probe | nindent 14 }}
            {{- toYaml .settings.livenessProbe | nindent 12 }}
          readinessProbe:
            httpGet:
              path: /readyz
              {{- .probe | nindent 14 }}
            {{- toYaml .settings.readinessProbe | nindent 12 }}
          resources:
            {{- toYaml (get $values.resources .key) | nindent 12 }}
          securityContext:
            {{- toYaml (get $values.securityContext .key) | nindent 12 }}
          volumeMounts:
            - name: certificates
              mountPath: {{ $values.certificates.mountPath }}
              readOnly: true
      volumes:
        - name: certificates
          secret:
            secretName: {{ $values.certificates.secretName }}
            defaultMode: 420
            {{- if hasKey . "certificateOptional" }}
            optional: {{ .certificateOptional }}
            {{- end }}
{{- end }}

{{/* One ServiceAccount. Argument: dict "root" $ "name" <name>. */}}
{{- define "keda.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "keda.labels" . | nindent 4 }}
automountServiceAccountToken: true
{{- end }}
