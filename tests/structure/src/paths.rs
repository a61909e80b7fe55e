//! Finds the paths in a source file that may refer to another module of the crate.

use crate::lexer::Token;

/// A path as it is written, such as `["super", "Name"]`.
pub(crate) type Segments = Vec<String>;

/// A path, and the name that it is imported as if it belongs to a `use` declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) path: Segments,
    pub(crate) imported_as: Option<String>,
}

/// Returns the imports, and the other paths that start with `crate`, `self` or `super`.
pub(crate) fn references(tokens: &[Token]) -> Vec<Reference> {
    let mut references = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_name(tokens, at, "use") {
            at = tree(tokens, at + 1, &[], &mut references);
        } else if starts_path(tokens, at) {
            let mut found = Vec::new();
            at = tree(tokens, at, &[], &mut found);
            references.extend(found.into_iter().map(|found| Reference { imported_as: None, ..found }));
        } else {
            at += 1;
        }
    }
    references
}

/// Returns whether a path of this crate starts here that is neither part of another path nor of a visibility.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let relative = ["crate", "self", "super"].iter().any(|name| is_name(tokens, at, name));
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let visibility = before(2) == Some(&Token::Other('(')) && is_name(tokens, at.wrapping_sub(1), "in");
    relative
        && tokens.get(at + 1) == Some(&Token::Separator)
        && before(1) != Some(&Token::Separator)
        && !visibility
}

/// Reads a path or a tree of imports. Returns the index of the token after it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Reference>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Name(name)) => path.push(name.clone()),
            Some(Token::Other('{')) => return group(tokens, at + 1, &path, found),
            Some(Token::Other('*')) => {
                found.push(Reference { path, imported_as: None });
                return at + 1;
            }
            _ => {}
        }
        if tokens.get(at + 1) != Some(&Token::Separator) {
            break;
        }
        at += 2;
    }
    let mut name = path.last().cloned();
    if name.as_deref() == Some("self") && path.len() > 1 {
        path.pop();
        name = path.last().cloned();
    }
    at += 1;
    if is_name(tokens, at, "as") {
        name = if let Some(Token::Name(name)) = tokens.get(at + 1) { Some(name.clone()) } else { None };
        at += 2;
    }
    found.push(Reference { path, imported_as: name });
    at
}

/// Reads the trees between braces. Returns the index of the token after the closing brace.
fn group(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Reference>) -> usize {
    loop {
        match tokens.get(at) {
            None => return at,
            Some(Token::Other('}')) => return at + 1,
            Some(Token::Other(',')) => at += 1,
            Some(_) => at = tree(tokens, at, prefix, found),
        }
    }
}

fn is_name(tokens: &[Token], at: usize, name: &str) -> bool {
    matches!(tokens.get(at), Some(Token::Name(found)) if found == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn read(source: &str) -> Vec<String> {
        let text = |found: Reference| {
            let name = found.imported_as.map(|name| format!(" as {name}")).unwrap_or_default();
            format!("{}{name}", found.path.join("::"))
        };
        references(&tokens(source)).into_iter().map(text).collect()
    }

    #[test]
    fn imports_are_expanded() {
        assert_eq!(
            read("use super::a::{self, b::C, D as E, f::*}; pub use g::H;"),
            ["super::a as a", "super::a::b::C as C", "super::a::D as E", "super::a::f", "g::H as H"]
        );
    }

    #[test]
    fn paths_in_code_are_found_and_visibilities_are_not() {
        assert_eq!(
            read("pub(in crate::a) fn f() { x::y(); crate::b::g(super::C::new()) }"),
            ["crate::b::g", "super::C::new"]
        );
    }
}
