//! `make`: the targets and variables of the Makefile.

use std::fs;

use crate::report::root;

pub(crate) fn check(arguments: &[&str]) -> Result<(), String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for argument in arguments {
        match argument.split_once('=') {
            Some((variable, _)) => {
                let is_used = makefile.contains(&format!("$({variable})"))
                    || makefile.lines().any(|line| {
                        line.strip_prefix("export ")
                            .is_some_and(|names| names.split(' ').any(|name| name == variable))
                    });
                if !is_used {
                    return Err(format!("the Makefile has no variable {variable}"));
                }
            }
            None => {
                if !makefile.lines().any(|line| line.starts_with(&format!("{argument}:"))) {
                    return Err(format!("the Makefile has no target {argument}"));
                }
            }
        }
    }
    Ok(())
}
