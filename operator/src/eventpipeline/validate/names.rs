//! Names that become part of the names of objects.

use std::fmt;

/// A rule that a name breaks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Error {
    #[error("must have from 1 to {longest} characters")]
    Length { longest: usize },
    #[error("must have only lower-case letters, digits and `-`, and neither begin nor end with `-`")]
    Characters,
    #[error("must begin with a letter")]
    NoLetter,
    #[error("must not contain `-producer` or `-consumer`, which separate it from the names of groups")]
    Separator,
}

/// Name of a pipeline. It is the prefix of its objects' names. Some are Services, whose names begin with a
/// letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::eventpipeline) struct PipelineName(String);

impl PipelineName {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        check(name, 30)?;
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(Error::NoLetter);
        }
        if name.contains("-producer") || name.contains("-consumer") {
            return Err(Error::Separator);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for PipelineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Name of a group. It is the suffix of its objects' names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::eventpipeline) struct GroupName(String);

impl GroupName {
    /// Validates a name in the list `list`.
    pub(super) fn of(list: &'static str, name: &str) -> Result<Self, super::Error> {
        match check(name, 20) {
            Ok(()) => Ok(Self(name.to_owned())),
            Err(source) => Err(super::Error::GroupName { list, name: name.to_owned(), source }),
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check(name: &str, longest: usize) -> Result<(), Error> {
    if name.is_empty() || name.len() > longest {
        return Err(Error::Length { longest });
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.bytes().all(allowed) || name.starts_with('-') || name.ends_with('-') {
        return Err(Error::Characters);
    }
    Ok(())
}
