//! Amounts of CPU and memory.

use eventpipeline_crds as crd;

/// What is wrong with a container's resources.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Error {
    #[error("`{field}` is {value:?} and must be a quantity such as {example}")]
    Amount { field: &'static str, value: String, example: &'static str },
    #[error("`requests.{field}` must be at most `limits.{field}`")]
    RequestAboveLimit { field: &'static str },
}

/// A container's resources, of which no request is above its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Resources {
    pub(in crate::eventpipeline) requests: Amounts,
    pub(in crate::eventpipeline) limits: Amounts,
}

/// Amounts as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Amounts {
    pub(in crate::eventpipeline) cpu: Option<String>,
    pub(in crate::eventpipeline) memory: Option<String>,
}

impl Resources {
    pub(super) fn new(resources: &crd::Resources) -> Result<Self, Error> {
        let crd::Resources { requests, limits } = resources;
        let amounts = |amounts: &Option<crd::Amounts>| {
            let crd::Amounts { cpu, memory } = amounts.clone().unwrap_or_default();
            Amounts { cpu: cpu.map(|cpu| cpu.0), memory: memory.map(|memory| memory.0) }
        };
        let (requests, limits) = (amounts(requests), amounts(limits));
        in_order("cpu", "500m", cpu_millis, requests.cpu.as_deref(), limits.cpu.as_deref())?;
        in_order("memory", "512Mi", bytes, requests.memory.as_deref(), limits.memory.as_deref())?;
        Ok(Self { requests, limits })
    }

    /// The memory that a container may use, in bytes.
    pub(in crate::eventpipeline) fn memory_limit(&self) -> Option<u128> {
        bytes(self.limits.memory.as_deref()?)
    }
}

fn in_order(
    field: &'static str,
    example: &'static str,
    parse: impl Fn(&str) -> Option<u128>,
    request: Option<&str>,
    limit: Option<&str>,
) -> Result<(), Error> {
    let parsed = |value: Option<&str>| match value {
        Some(value) => {
            parse(value).map(Some).ok_or_else(|| Error::Amount { field, value: value.to_owned(), example })
        }
        None => Ok(None),
    };
    match (parsed(request)?, parsed(limit)?) {
        (Some(request), Some(limit)) if request > limit => Err(Error::RequestAboveLimit { field }),
        _ => Ok(()),
    }
}

/// Bytes of a quantity such as `512Mi`.
pub(crate) fn bytes(text: &str) -> Option<u128> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit: u128 = match &text[digits.len()..] {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return None,
    };
    Some(u128::from(digits.parse::<u64>().ok()?) * unit)
}

/// Thousandths of a processor of a quantity such as `500m` or `1.5`.
fn cpu_millis(text: &str) -> Option<u128> {
    if let Some(millis) = text.strip_suffix('m') {
        return Some(millis.parse::<u64>().ok()?.into());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 {
        return None;
    }
    let fraction = format!("{fraction:0<3}").parse::<u64>().ok()?;
    Some(u128::from(whole.parse::<u64>().ok()?) * 1000 + u128::from(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("250m", Some(250)),
            ("0.5", Some(500)),
            ("1.25", Some(1250)),
            ("1.2345", None),
            ("m", None),
            ("-1", None),
            ("", None),
            ("1k", None),
        ] {
            assert_eq!(cpu_millis(text), expected, "{text}");
        }
        for (text, expected) in [
            ("1024", Some(1024)),
            ("1Ki", Some(1024)),
            ("1k", Some(1000)),
            ("2Gi", Some(2 << 30)),
            ("1.5Gi", None),
            ("Gi", None),
            ("1Pi", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
