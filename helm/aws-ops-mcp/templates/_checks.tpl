{{/* What the schema can't say. Each message names the value and what would be right; none quotes a token. */}}
{{- define "aws-ops-mcp.checks" -}}
{{- $v := .Values }}
{{- $auth := $v.auth }}
{{- if not $v.image.repository }}
{{- fail "\n\nimage.repository: name the registry and repository that you pushed the image to, such as 111111111111.dkr.ecr.eu-west-1.amazonaws.com/aws-ops-mcp" }}
{{- end }}

{{- $ways := list }}
{{- if or $auth.token $auth.tokens }}{{ $ways = append $ways "auth.token or auth.tokens" }}{{ end }}
{{- if $auth.existingSecret.name }}{{ $ways = append $ways "auth.existingSecret.name" }}{{ end }}
{{- if $auth.externalSecret.enabled }}{{ $ways = append $ways "auth.externalSecret.enabled" }}{{ end }}
{{- if not $ways }}
{{- fail "\n\nauth: the server needs a token. Name a Secret (auth.existingSecret.name, key MCP_AUTH_TOKEN), fetch one (auth.externalSecret.enabled) or give one (auth.token, from `openssl rand -hex 32`)" }}
{{- end }}
{{- if gt (len $ways) 1 }}
{{- fail (printf "\n\nauth: choose one way; given are %s" (join " and " $ways)) }}
{{- end }}
{{- if and $auth.existingSecret.name (not $auth.existingSecret.tokenKey) (not $auth.existingSecret.tokensKey) }}
{{- fail "\n\nauth.existingSecret: name the key that holds the token: tokenKey (MCP_AUTH_TOKEN), tokensKey (MCP_AUTH_TOKENS) or both" }}
{{- end }}
{{- with $auth.externalSecret }}
{{- if and .enabled (not .secretStoreRef.name) }}
{{- fail "\n\nauth.externalSecret.secretStoreRef.name: name the SecretStore or ClusterSecretStore that has the token" }}
{{- end }}
{{- if and .enabled (not .token.key) (not .tokens.key) }}
{{- fail "\n\nauth.externalSecret: name the remote secret: token.key (MCP_AUTH_TOKEN), tokens.key (MCP_AUTH_TOKENS) or both" }}
{{- end }}
{{- end }}
{{- $given := list }}
{{- with $auth.token }}{{ $given = append $given (dict "name" "auth.token" "token" .) }}{{ end }}
{{- range $auth.tokens }}{{ $given = append $given (dict "name" (printf "auth.tokens, %s" .name) "token" .token) }}{{ end }}
{{- range $given }}
{{- if or (lt (len .token) 22) (not (regexMatch "^[A-Za-z0-9._~+/=-]+$" .token)) (and (regexMatch "^[0-9A-Fa-f]+$" .token) (lt (len .token) 32)) }}
{{- fail (printf "\n\n%s: the server would refuse this token: it takes 128 bits or more, of letters, digits and -._~+/= (`openssl rand -hex 32` makes one)" .name) }}
{{- end }}
{{- end }}

{{- if and (eq $v.aws.identity "irsa") (not $v.sandbox) }}
{{- if and $v.serviceAccount.create (not $v.aws.roleArn) }}
{{- fail "\n\naws.roleArn: IRSA needs the base role's ARN, such as arn:aws:iam::111111111111:role/aws-ops-base (or choose aws.identity: podIdentity or none)" }}
{{- end }}
{{- else if $v.aws.roleArn }}
{{- fail (printf "\n\naws.roleArn: only aws.identity: irsa uses it, and this is %s. With Pod Identity the association in EKS names the role" (ternary "sandbox: true" (printf "aws.identity: %s" $v.aws.identity) $v.sandbox)) }}
{{- end }}
{{- if not $v.serviceAccount.create }}
{{- if $v.aws.roleArn }}
{{- fail "\n\naws.roleArn: the chart can't annotate a service account that it does not make (serviceAccount.create: false). Annotate that one with eks.amazonaws.com/role-arn, and leave aws.roleArn empty" }}
{{- end }}
{{- if not $v.serviceAccount.name }}
{{- fail "\n\nserviceAccount.name: name the service account to use, since serviceAccount.create is false" }}
{{- end }}
{{- end }}
{{- if and $v.sandbox (or $v.autoscaling.enabled (gt (int $v.replicas) 1)) }}
{{- fail "\n\nsandbox: each replica has accounts of its own; set replicas: 1 and leave autoscaling off" }}
{{- end }}

{{- $registries := list }}
{{- range $name := list "accounts" "existingConfigMap" "existingSecret" }}
{{- if get $v.registry $name }}{{ $registries = append $registries (printf "registry.%s" $name) }}{{ end }}
{{- end }}
{{- if gt (len $registries) 1 }}
{{- fail (printf "\n\nregistry: choose one way; given are %s" (join " and " $registries)) }}
{{- end }}

{{- if and $v.ingress.enabled (not $v.ingress.host) }}
{{- fail "\n\ningress.host: name the host that clients use, such as aws-ops.example.com; PUBLIC_URL is made from it" }}
{{- end }}
{{- if $v.httpRoute.enabled }}
{{- if not $v.httpRoute.hostnames }}
{{- fail "\n\nhttpRoute.hostnames: name the host that clients use, such as [aws-ops.example.com]; PUBLIC_URL is made from the first" }}
{{- end }}
{{- if not $v.httpRoute.parentRefs }}
{{- fail "\n\nhttpRoute.parentRefs: name the Gateway, such as [{name: public, namespace: gateways}]" }}
{{- end }}
{{- end }}
{{- if and $v.ingress.enabled $v.httpRoute.enabled (not $v.publicUrl) }}
{{- fail "\n\npublicUrl: there are an Ingress and an HTTPRoute; say which address clients use" }}
{{- end }}

{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- fail (printf "\n\nautoscaling: minReplicas (%d) is more than maxReplicas (%d)" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- if and $v.autoscaling.enabled (not $v.autoscaling.targetCPUUtilizationPercentage) (not $v.autoscaling.targetMemoryUtilizationPercentage) }}
{{- fail "\n\nautoscaling: give targetCPUUtilizationPercentage, targetMemoryUtilizationPercentage or both" }}
{{- end }}
{{- if and $v.state.url $v.state.existingSecret.name }}
{{- fail "\n\nstate: choose one way; given are state.url and state.existingSecret.name" }}
{{- end }}
{{- if not $v.metrics.enabled }}
{{- range $name := list "serviceMonitor" "prometheusRule" "dashboard" }}
{{- if (get $v.metrics $name).enabled }}
{{- fail (printf "\n\nmetrics.%s: there are no metrics without metrics.enabled: true" $name) }}
{{- end }}
{{- end }}
{{- else if eq (int $v.metrics.port) 8000 }}
{{- fail "\n\nmetrics.port: 8000 is the server's own port; choose another, such as 9464" }}
{{- end }}

{{- $taken := merge (include "aws-ops-mcp.variables" . | fromJson) (include "aws-ops-mcp.serveVariables" . | fromJson) (dict "MCP_AUTH_TOKEN" "" "MCP_AUTH_TOKENS" "" "STATE_URL" "") }}
{{- range $v.extraEnv }}
{{- if hasKey $taken .name }}
{{- fail (printf "\n\nextraEnv: %s is set by the chart; use the value for it (auth, state, settings and so on: see values.yaml)" .name) }}
{{- end }}
{{- end }}
{{- end }}
