//! Amounts of CPU and memory.

use eventpipeline_crds as crd;

use super::quantity;

/// A rule that a container's resources break.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Error {
    #[error("`{field}` is {value:?} and must be a quantity such as {example}")]
    Amount { field: &'static str, value: String, example: &'static str },
    #[error("`requests.{field}` must be at most `limits.{field}`")]
    RequestAboveLimit { field: &'static str },
}

/// The resources of a container. No request exceeds its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) struct Resources {
    pub(in crate::eventpipeline) requests: Amounts,
    pub(in crate::eventpipeline) limits: Amounts,
}

/// Amounts as the author wrote them.
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
        in_order("cpu", "500m", requests.cpu.as_deref(), limits.cpu.as_deref())?;
        in_order("memory", "512Mi", requests.memory.as_deref(), limits.memory.as_deref())?;
        Ok(Self { requests, limits })
    }

    /// Returns the memory limit in bytes.
    pub(in crate::eventpipeline) fn memory_limit(&self) -> Option<u128> {
        quantity::bytes(self.limits.memory.as_deref()?)
    }
}

fn in_order(
    field: &'static str,
    example: &'static str,
    request: Option<&str>,
    limit: Option<&str>,
) -> Result<(), Error> {
    let parsed = |value: Option<&str>| match value {
        Some(value) => quantity::nanos(value).map(Some).ok_or_else(|| Error::Amount {
            field,
            value: value.to_owned(),
            example,
        }),
        None => Ok(None),
    };
    match (parsed(request)?, parsed(limit)?) {
        (Some(request), Some(limit)) if request > limit => Err(Error::RequestAboveLimit { field }),
        _ => Ok(()),
    }
}
