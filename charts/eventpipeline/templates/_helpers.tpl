{{/* Prefix of all names, short enough for the suffixes. */}}
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

{{/* Must not change: the selector of a Deployment is immutable. */}}
{{- define "eventpipeline.selectorLabels" -}}
app.kubernetes.io/name: eventpipeline-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Selects the pod of `helm test`. Its name differs from the operator's, so that the operator's policies and Service do not select it. */}}
{{- define "eventpipeline.testLabels" -}}
app.kubernetes.io/name: eventpipeline-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "eventpipeline.labels" -}}
{{- $ours := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/part-of" "eventpipeline"
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- $selector := include "eventpipeline.selectorLabels" . | fromYaml -}}
{{- toYaml (mergeOverwrite (deepCopy (default dict .Values.commonLabels)) $ours $selector) -}}
{{- end -}}

{{/*
Metadata of an object. Parameters: `root`, `name`, and optionally `namespace`, `labels` and `annotations`, which override
those of all objects.
*/}}
{{- define "eventpipeline.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- $labels := include "eventpipeline.labels" .root | fromYaml }}
  {{- toYaml (mergeOverwrite $labels (default dict .labels)) | nindent 2 }}
{{- with mergeOverwrite (deepCopy (default dict .root.Values.commonAnnotations)) (default dict .annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "eventpipeline.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "eventpipeline.operator" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Name of the image with its registry, without a tag. */}}
{{- define "eventpipeline.imageName" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- $name := .Values.image.repository -}}
{{- with $registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "eventpipeline.image" -}}
{{- $name := include "eventpipeline.imageName" . -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Pull Secrets of a pod, without duplicates. Global ones are names, or objects with a name. */}}
{{- define "eventpipeline.imagePullSecrets" -}}
{{- $names := .Values.image.pullSecrets -}}
{{- range .Values.global.imagePullSecrets -}}
{{- if kindIs "map" . -}}
{{- $names = append $names .name -}}
{{- else -}}
{{- $names = append $names . -}}
{{- end -}}
{{- end -}}
{{- with uniq $names -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* `true` if the platform chooses users and groups. */}}
{{- define "eventpipeline.openshift" -}}
{{- if kindIs "bool" .Values.openshift.enabled -}}
{{- .Values.openshift.enabled -}}
{{- else -}}
{{- .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- end -}}
{{- end -}}

{{/* Security context of a pod. */}}
{{- define "eventpipeline.podSecurityContext" -}}
{{- $context := default dict .Values.podSecurityContext -}}
{{- if eq (include "eventpipeline.openshift" .) "true" -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- with $context -}}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "eventpipeline.pipelineNamespace" -}}
{{- coalesce .Values.pipeline.namespace (first .Values.watchNamespaces) .Release.Namespace -}}
{{- end -}}
