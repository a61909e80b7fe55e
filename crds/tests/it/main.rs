//! The generated resource definition, as users meet it.

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
