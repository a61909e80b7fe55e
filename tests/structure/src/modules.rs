//! Reads the modules of a crate and their dependencies on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use crate::lexer::tokens;
use crate::paths::{Reference, Segments, references};

/// Path of a module, empty for the root.
pub(crate) type ModulePath = Vec<String>;

/// Dependencies between the modules of a crate.
pub(crate) type Dependencies = BTreeSet<(ModulePath, ModulePath)>;

/// Maximum number of re-exports that a path is followed through.
const MAX_REEXPORTS: usize = 8;

#[derive(Debug, Default)]
struct Modules {
    references: BTreeMap<ModulePath, Vec<Reference>>,
}

/// Returns the dependencies between the modules whose sources are in `folder`.
pub(crate) fn read(folder: &Path) -> io::Result<Dependencies> {
    let mut modules = Modules::default();
    modules.add_folder(folder, &[])?;
    Ok(modules.dependencies())
}

impl Modules {
    fn add_folder(&mut self, folder: &Path, parent: &[String]) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            if name == "tests" {
                continue;
            }
            let is_root = parent.is_empty() && matches!(name, "main" | "lib");
            let module = if is_root { Vec::new() } else { [parent, &[name.to_owned()]].concat() };
            if path.is_dir() {
                self.add_folder(&path, &module)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.add(module, &fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }

    fn add(&mut self, module: ModulePath, source: &str) {
        self.references.entry(module).or_default().extend(references(&tokens(source)));
    }

    fn dependencies(&self) -> Dependencies {
        let all = self.references.iter().flat_map(|(module, references)| {
            let targets = references.iter().filter_map(|reference| self.target(module, &reference.path, 0));
            targets.map(|target| (module.clone(), target))
        });
        all.collect()
    }

    /// Returns the module that defines the item at the end of `path`, as seen from `module`.
    fn target(&self, module: &[String], path: &[String], reexports: usize) -> Option<ModulePath> {
        let (mut target, rest) = self.start(module, path)?;
        let mut rest = rest.iter();
        for name in rest.by_ref() {
            target.push(name.clone());
            if self.references.contains_key(&target) {
                continue;
            }
            target.pop();
            if reexports == MAX_REEXPORTS || target == module {
                break;
            }
            let Some(origin) = self.import(&target, name) else { break };
            return self.target(&target.clone(), origin, reexports + 1).or(Some(target));
        }
        Some(target)
    }

    /// Returns the module that a path starts at, and the rest of the path. Returns `None` for paths into
    /// other crates.
    fn start<'a>(&self, module: &[String], path: &'a [String]) -> Option<(ModulePath, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((module.to_vec(), rest)),
            "super" => {
                let mut parent = module.to_vec();
                parent.pop()?;
                let more = rest.first().is_some_and(|next| next == "super");
                if more { self.start(&parent, rest) } else { Some((parent, rest)) }
            }
            child => {
                let is_child = self.references.contains_key(&[module, &[child.to_owned()]].concat());
                is_child.then(|| (module.to_vec(), path))
            }
        }
    }

    fn import(&self, module: &[String], name: &str) -> Option<&Segments> {
        let imports = self.references.get(module)?.iter();
        let mut named = imports.filter(|reference| reference.imported_as.as_deref() == Some(name));
        named.next().map(|reference| &reference.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependencies(files: &[(&str, &str)]) -> Vec<String> {
        let mut modules = Modules::default();
        for (module, source) in files {
            let path = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            modules.add(path, source);
        }
        let text = |(from, to): (ModulePath, ModulePath)| format!("{} -> {}", from.join("::"), to.join("::"));
        modules.dependencies().into_iter().map(text).collect()
    }

    #[test]
    fn a_path_leads_to_the_deepest_module() {
        let files = [
            ("", "mod a; mod b;"),
            ("a", "use crate::b::c::Item; use std::fmt;"),
            ("b", "mod c;"),
            ("b::c", "fn f() { super::super::a::g() }"),
        ];
        assert_eq!(dependencies(&files), ["a -> b::c", "b::c -> a"]);
    }

    #[test]
    fn reexports_lead_to_their_origin() {
        let files = [
            ("a", "mod b; mod c; pub use b::Item;"),
            ("a::b", ""),
            ("a::c", "use super::Item;"),
            ("d", "use crate::a::Item;"),
        ];
        assert_eq!(dependencies(&files), ["a -> a::b", "a::c -> a::b", "d -> a::b"]);
    }
}
