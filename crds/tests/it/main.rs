//! The generated CustomResourceDefinition and its documentation.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod database_options;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod schema;
