{{- define "aws-ops-mcp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "aws-ops-mcp.fullname" -}}
{{- $name := include "aws-ops-mcp.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "aws-ops-mcp.instanceLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "aws-ops-mcp.instanceLabels" -}}
app.kubernetes.io/name: {{ include "aws-ops-mcp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The server's pods, and not those of `helm test`. */}}
{{- define "aws-ops-mcp.selectorLabels" -}}
{{ include "aws-ops-mcp.instanceLabels" . }}
app.kubernetes.io/component: server
{{- end }}

{{- define "aws-ops-mcp.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "aws-ops-mcp.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.registryMounted" -}}
{{- with .Values.registry }}
{{- if or .accounts .existingConfigMap .existingSecret }}true{{ end }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.registryPath" -}}/etc/aws-ops-mcp/registry{{- end }}

{{- define "aws-ops-mcp.publicUrl" -}}
{{- $v := .Values }}
{{- if $v.publicUrl }}
{{- $v.publicUrl }}
{{- else if $v.ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" $v.ingress.tls.enabled) $v.ingress.host }}
{{- else if $v.httpRoute.enabled }}
{{- printf "https://%s" (first $v.httpRoute.hostnames) }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.hasState" -}}
{{- if or .Values.state.url .Values.state.existingSecret.name }}true{{ end }}
{{- end }}

{{/* Whether /mcp keeps no sessions: they would be unknown to the other replicas. */}}
{{- define "aws-ops-mcp.stateless" -}}
{{- $v := .Values }}
{{- if kindIs "bool" $v.stateless }}
{{- if $v.stateless }}true{{ end }}
{{- else if and (or $v.autoscaling.enabled (gt (int $v.replicas) 1)) (not (include "aws-ops-mcp.hasState" .)) }}true
{{- end }}
{{- end }}

{{/* Where the tokens are: {"secret": …, "MCP_AUTH_TOKEN": key, "MCP_AUTH_TOKENS": key}; a key is missing where there is no such token. */}}
{{- define "aws-ops-mcp.tokens" -}}
{{- $auth := .Values.auth }}
{{- $of := dict }}
{{- if $auth.existingSecret.name }}
{{- $_ := set $of "secret" $auth.existingSecret.name }}
{{- with $auth.existingSecret.tokenKey }}{{ $_ := set $of "MCP_AUTH_TOKEN" . }}{{ end }}
{{- with $auth.existingSecret.tokensKey }}{{ $_ := set $of "MCP_AUTH_TOKENS" . }}{{ end }}
{{- else }}
{{- $_ := set $of "secret" (printf "%s-auth" (include "aws-ops-mcp.fullname" .)) }}
{{- $external := $auth.externalSecret }}
{{- if or $auth.token (and $external.enabled $external.token.key) }}{{ $_ := set $of "MCP_AUTH_TOKEN" "MCP_AUTH_TOKEN" }}{{ end }}
{{- if or $auth.tokens (and $external.enabled $external.tokens.key) }}{{ $_ := set $of "MCP_AUTH_TOKENS" "MCP_AUTH_TOKENS" }}{{ end }}
{{- end }}
{{- $of | toJson }}
{{- end }}

{{/* Variables by which the server, and `check`, reach AWS and find the accounts; then `settings`, which win. As {name: text}. */}}
{{- define "aws-ops-mcp.variables" -}}
{{- $v := .Values }}
{{- $env := dict "PROFILES" "off" "BASE_CREDENTIALS" "off" "LOG_FORMAT" "json" "AWS_EC2_METADATA_DISABLED" "true" }}
{{- with $v.aws.region }}{{ $_ := set $env "AWS_REGION" . }}{{ end }}
{{- if include "aws-ops-mcp.registryMounted" . }}
{{- $_ := set $env "ACCOUNT_REGISTRY" (printf "%s/%s" (include "aws-ops-mcp.registryPath" .) $v.registry.key) }}
{{- end }}
{{- range $name, $value := $v.settings }}
{{- if kindIs "float64" $value }}
{{- $value = printf "%.0f" $value }}
{{- end }}
{{- $_ := set $env $name (toString $value) }}
{{- end }}
{{- $env | toJson }}
{{- end }}

{{/* The variables of `serve` beyond those. */}}
{{- define "aws-ops-mcp.serveVariables" -}}
{{- $v := .Values }}
{{- $full := include "aws-ops-mcp.fullname" . }}
{{- $drain := int $v.shutdown.drainSeconds }}
{{- $env := dict "MCP_HOST" "0.0.0.0" "MCP_PORT" "8000" }}
{{- $_ := set $env "SHUTDOWN_DRAIN" (ternary (printf "%ds" $drain) "off" (gt $drain 0)) }}
{{- $_ := set $env "SHUTDOWN_GRACE" (printf "%ds" (int $v.shutdown.graceSeconds)) }}
{{- $_ := set $env "KEEP_ALIVE_TIMEOUT" (printf "%ds" (add (int $v.loadBalancer.idleTimeoutSeconds) 15)) }}
{{- $names := list $full (printf "%s.%s" $full .Release.Namespace) (printf "%s.%s.svc" $full .Release.Namespace) (printf "%s.%s.svc.%s" $full .Release.Namespace $v.clusterDomain) }}
{{- $_ := set $env "ALLOWED_HOSTS" (concat $names $v.allowedHosts | join ",") }}
{{- with $v.allowedOrigins }}{{ $_ := set $env "ALLOWED_ORIGINS" (join "," .) }}{{ end }}
{{- with $v.trustedProxies }}{{ $_ := set $env "TRUSTED_PROXIES" (join "," .) }}{{ end }}
{{- with include "aws-ops-mcp.publicUrl" . }}{{ $_ := set $env "PUBLIC_URL" . }}{{ end }}
{{- if include "aws-ops-mcp.stateless" . }}{{ $_ := set $env "MCP_STATELESS" "true" }}{{ end }}
{{- /* One more than there may be: a rollout adds it (maxSurge). */}}
{{- if include "aws-ops-mcp.hasState" . }}{{ $_ := set $env "STATE_REPLICAS" (ternary $v.autoscaling.maxReplicas $v.replicas $v.autoscaling.enabled | int | add1 | toString) }}{{ end }}
{{- if $v.metrics.enabled }}{{ $_ := set $env "METRICS_PORT" (toString $v.metrics.port) }}{{ end }}
{{- $env | toJson }}
{{- end }}

{{- define "aws-ops-mcp.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "aws-ops-mcp.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "aws-ops-mcp.volumes" -}}
{{- if include "aws-ops-mcp.registryMounted" . }}
- name: registry
  {{- if .Values.registry.existingSecret }}
  secret:
    secretName: {{ .Values.registry.existingSecret }}
    items: [{key: {{ .Values.registry.key }}, path: {{ .Values.registry.key }}}]
  {{- else }}
  configMap:
    name: {{ .Values.registry.existingConfigMap | default (printf "%s-registry" (include "aws-ops-mcp.fullname" .)) }}
    items: [{key: {{ .Values.registry.key }}, path: {{ .Values.registry.key }}}]
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "aws-ops-mcp.volumeMounts" -}}
{{- if include "aws-ops-mcp.registryMounted" . }}
# The whole directory: a subPath would never see an update.
- name: registry
  mountPath: {{ include "aws-ops-mcp.registryPath" . }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
