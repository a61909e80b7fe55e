//! `kubectl`: its own parser for flags, and the kinds, names and fields of objects.

mod fields;

use std::process::Command;

use super::objects;
use crate::report::root;
use crate::run::{Cache, run};

/// Flags that take the next word as their value.
const WITH_VALUE: [&str; 31] = [
    "-n",
    "-l",
    "-o",
    "-f",
    "-c",
    "-p",
    "-k",
    "--as",
    "--cluster",
    "--container",
    "--context",
    "--field-selector",
    "--filename",
    "--for",
    "--from-file",
    "--from-literal",
    "--image",
    "--kubeconfig",
    "--namespace",
    "--output",
    "--patch",
    "--patch-file",
    "--replicas",
    "--selector",
    "--since",
    "--subresource",
    "--tail",
    "--template",
    "--timeout",
    "--type",
    "--port",
];

/// Subcommands whose first argument is the kind of an object.
const OF_KINDS: [&str; 9] =
    ["get", "describe", "delete", "wait", "annotate", "label", "patch", "edit", "scale"];

/// Kinds, as a reader writes them.
const KINDS: [&str; 68] = [
    "alertmanager",
    "all",
    "application",
    "applications",
    "certificate",
    "certificates",
    "clusterrole",
    "clusterrolebinding",
    "cm",
    "configmap",
    "configmaps",
    "crd",
    "crds",
    "customresourcedefinition",
    "deploy",
    "deployment",
    "deployments",
    "endpointslices",
    "event",
    "eventpipeline",
    "eventpipelines",
    "events",
    "evp",
    "gateway",
    "gateways",
    "helmrelease",
    "hpa",
    "httproute",
    "httproutes",
    "ing",
    "ingress",
    "ingressclass",
    "ingresses",
    "job",
    "jobs",
    "lease",
    "leases",
    "namespace",
    "namespaces",
    "networkpolicies",
    "networkpolicy",
    "node",
    "nodes",
    "ns",
    "pdb",
    "po",
    "pod",
    "podmonitor",
    "podmonitors",
    "pods",
    "prometheus",
    "prometheusrule",
    "prometheusrules",
    "pv",
    "pvc",
    "role",
    "rolebinding",
    "secret",
    "secrets",
    "service",
    "serviceaccount",
    "services",
    "servicemonitors",
    "statefulset",
    "statefulsets",
    "storageclass",
    "sts",
    "svc",
];

/// Returns the command that `exec`, `run` and `debug` run in a pod.
pub(crate) fn inner<'a, 'b>(arguments: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let at = arguments.iter().position(|&argument| argument == "--")?;
    arguments.get(at + 1..).filter(|inner| !inner.is_empty())
}

pub(crate) fn check(arguments: &[&str]) -> Result<(), String> {
    let end = arguments.iter().position(|&argument| argument == "--").unwrap_or(arguments.len());
    let arguments = &arguments[..end];
    let (positional, flags) = split(arguments);
    parse(arguments)?;
    let Some((&subcommand, objects)) = positional.split_first() else { return Ok(()) };
    if let (Some(kinds), true) = (objects.first(), OF_KINDS.contains(&subcommand)) {
        kinds.split(',').try_for_each(kind)?;
    }
    let kind = objects.first().map_or("", |first| first.split('/').next().unwrap_or_default());
    objects.iter().filter(|name| name.contains('/')).try_for_each(|name| objects::check_name(name))?;
    if let ("exec" | "logs", Some(name)) = (subcommand, objects.first()) {
        objects::check_name(name)?;
    }
    flags.iter().try_for_each(|(flag, value)| check_flag(subcommand, kind, flag, value))
}

fn check_flag(subcommand: &str, kind: &str, flag: &str, value: &str) -> Result<(), String> {
    let is_pipeline = matches!(kind, "evp" | "eventpipeline" | "eventpipelines");
    match flag {
        "-l" | "--selector" => objects::check_selector(value),
        "-c" | "--container" if matches!(subcommand, "exec" | "logs") => objects::check_container(value),
        "-o" | "--output" => match value.split_once('=') {
            Some(("jsonpath", path)) => fields::check_path(path, is_pipeline),
            _ => Ok(()),
        },
        "-p" | "--patch" if is_pipeline => fields::check_patch(value),
        "--for" if is_pipeline => fields::check_condition(value),
        "-f" | "--filename" if value.contains('/') && !value.contains("://") => {
            let exists = value.starts_with(['/', '.', '~']) || root().join(value).exists();
            if exists { Ok(()) } else { Err(format!("the repository has no file {value}")) }
        }
        _ => Ok(()),
    }
}

/// Lets kubectl parse the flags. Namespaces and labels, which it does not parse, are left out: many commands are the same
/// then, and kubectl is slow to start.
fn parse(arguments: &[&str]) -> Result<(), String> {
    static HELP: Cache = Cache::new();
    let mut shown = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "-n" | "-l" | "--namespace" | "--selector" => drop(rest.next()),
            argument => shown.push(argument),
        }
    }
    let help = HELP.get(&shown.join("\n"), || {
        run(Command::new(eventpipeline_testkit::kubectl()).args(&shown).arg("--help"), "")
    });
    let help = help.map_err(|why| why.lines().next().unwrap_or_default().to_owned())?;
    let groups = ["SUBCOMMAND [options]", "kubectl [flags] [options]"];
    let is_group = help.lines().any(|line| groups.iter().any(|group| line.trim_end().ends_with(group)));
    if is_group { Err("no such subcommand".to_owned()) } else { Ok(()) }
}

fn kind(object: &str) -> Result<(), String> {
    let kind = object.split(['/', '.']).next().unwrap_or_default();
    let is_placeholder = kind.chars().all(|letter| letter.is_ascii_uppercase());
    if is_placeholder || KINDS.contains(&kind) {
        Ok(())
    } else {
        Err(format!("unknown kind of object: {kind}"))
    }
}

/// Splits arguments into positional ones, and flags with their values.
fn split<'a>(arguments: &[&'a str]) -> (Vec<&'a str>, Vec<(&'a str, &'a str)>) {
    let (mut positional, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        if WITH_VALUE.contains(&argument) {
            flags.push((argument, arguments.next().copied().unwrap_or_default()));
        } else if argument.starts_with("--") {
            flags.push(argument.split_once('=').unwrap_or((argument, "")));
        } else if !argument.starts_with('-') || argument == "-" {
            positional.push(argument);
        }
    }
    (positional, flags)
}
