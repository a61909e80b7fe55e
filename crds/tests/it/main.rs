//! The generated resource definition, as users meet it.

#[cfg(test)]
mod generated;
#[cfg(test)]
mod schema;
