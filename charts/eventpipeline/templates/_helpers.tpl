{{/* The beginning of all names: short enough for what is put behind it. */}}
{{- define "eventpipeline.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "eventpipeline.operator" -}}
{{- include "eventpipeline.fullname" . }}-operator
{{- end -}}

{{/* Never to be changed: a Deployment's selector cannot be. */}}
{{- define "eventpipeline.selectorLabels" -}}
app.kubernetes.io/name: eventpipeline-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "eventpipeline.labels" -}}
{{ include "eventpipeline.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: eventpipeline
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "eventpipeline.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "eventpipeline.operator" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "eventpipeline.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}
