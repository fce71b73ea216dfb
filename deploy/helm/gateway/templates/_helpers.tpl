{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, and the chart's where it is not in that already. 51, since names are made of it. */}}
{{- define "gateway.fullname" -}}
{{- $name := include "gateway.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 51 | trimSuffix "-" -}}
{{- end -}}

{{/* `app.kubernetes.io/name` stays `gateway` whatever the release is called: ServiceMonitors take it for the job. */}}
{{- define "gateway.selector" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/component: proxy
app.kubernetes.io/part-of: gateway
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gateway.secret" -}}
{{- default (include "gateway.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "gateway.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A duration of the configuration (`10s`, `1m30s`, 30) in whole seconds, rounded up. Takes a list: its key, and what it says. */}}
{{- define "gateway.seconds" -}}
{{- $key := index . 0 -}}
{{- $said := index . 1 | toString -}}
{{- if regexMatch "^[0-9]+([.][0-9]+)?$" $said -}}
{{- $said = printf "%ss" $said -}}
{{- end -}}
{{- if not (regexMatch "^([0-9]+([.][0-9]+)?(ms|s|m|h|d))+$" $said) -}}
{{- fail (printf "%s: expected a duration such as 10s, found %q; with a ${…} there, set terminationGracePeriodSeconds" $key $said) -}}
{{- end -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+[a-z]+" $said -1 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $each := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0) $unit -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) $each) -}}
{{- end -}}
{{- ceil $sum | int -}}
{{- end -}}

{{- define "gateway.grace" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- $timeouts := .Values.config.timeouts | default dict -}}
{{- $delay := include "gateway.seconds" (list "config.timeouts.shutdown_delay" (dig "shutdown_delay" "0s" $timeouts)) | int -}}
{{- $drain := include "gateway.seconds" (list "config.timeouts.shutdown" (dig "shutdown" "30s" $timeouts)) | int -}}
{{- add $delay $drain (int .Values.preStopSeconds) 10 -}}
{{- else -}}
{{- .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{/* Lines NAME='value', as a `.env` has them: in single quotes only \ and ' are escaped. */}}
{{- define "gateway.dotenv" -}}
{{- range $name, $value := .Values.secrets.values }}
{{ $name }}='{{ $value | toString | replace "\\" "\\\\" | replace "'" "\\'" }}'
{{- end }}
{{- end -}}
