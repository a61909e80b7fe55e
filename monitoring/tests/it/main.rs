//! What the dashboards and rules are held to.
