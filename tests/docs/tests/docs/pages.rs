//! The Markdown pages of the repository, and the code in them.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Folders without pages of ours.
const SKIPPED: [&str; 3] = ["node_modules", "site", "target"];

/// A line of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Path of the page, relative to the root of the repository.
    pub(crate) page: String,
    /// Number of the line, from 1.
    pub(crate) line: usize,
}

impl Place {
    /// Returns the place that is this number of lines below.
    pub(crate) fn below(&self, lines: usize) -> Self {
        Self { page: self.page.clone(), line: self.line + lines }
    }
}

/// Writes the place as compilers do.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.page, self.line)
    }
}

/// A fenced or indented block of code.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Its first line of code.
    pub(crate) place: Place,
    /// The words after the fence: the language, and hints for the tests.
    pub(crate) info: String,
    /// The code, without the indentation of the block.
    pub(crate) text: String,
}

impl Block {
    /// Returns the language; empty if the block does not name it.
    pub(crate) fn language(&self) -> &str {
        self.info.split([' ', ',']).next().unwrap_or_default()
    }

    /// Returns whether the words after the fence contain a hint.
    pub(crate) fn has_hint(&self, hint: &str) -> bool {
        self.info.split([' ', ',']).skip(1).any(|word| word == hint)
    }
}

/// Code within a line.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    /// The line on which it begins.
    pub(crate) place: Place,
    /// The code, without the backquotes.
    pub(crate) text: String,
}

/// A Markdown page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Path, relative to the root of the repository.
    pub(crate) path: String,
    /// The blocks of code, in order.
    pub(crate) blocks: Vec<Block>,
    /// The code within lines, in order.
    pub(crate) spans: Vec<Span>,
}

/// Reads all Markdown pages of the repository, ordered by path.
///
/// # Errors
/// If a folder or a file cannot be read.
pub(crate) fn all(root: &Path) -> io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    read_folder(root, "", &mut pages)?;
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(pages)
}

fn read_folder(folder: &Path, prefix: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                read_folder(&entry.path(), &format!("{path}/"), pages)?;
            }
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            pages.push(parse(&path, &fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

/// Finds the code in a page.
pub(crate) fn parse(path: &str, text: &str) -> Page {
    let place = |offset: usize| {
        let above = text.get(..offset).unwrap_or_default();
        Place { page: path.to_owned(), line: 1 + above.matches('\n').count() }
    };
    let mut page = Page { path: path.to_owned(), blocks: Vec::new(), spans: Vec::new() };
    let mut open: Option<Block> = None;
    for (event, Range { start, .. }) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let (info, fence) = match kind {
                    CodeBlockKind::Fenced(info) => (info.to_string(), 1),
                    CodeBlockKind::Indented => (String::new(), 0),
                };
                open = Some(Block { place: place(start).below(fence), info, text: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => page.blocks.extend(open.take()),
            Event::Code(code) => page.spans.push(Span { place: place(start), text: code.to_string() }),
            _ => {}
        }
    }
    page
}

#[test]
fn code_in_a_page_is_found_with_its_lines() {
    let text = "# Title\n\n- item `make up` and\n  more:\n\n  ```sh quiet\n  make down\n  ```\n";
    let page = parse("x.md", text);
    let [block] = &page.blocks[..] else { panic!("{page:?}") };
    assert_eq!((block.place.to_string(), block.text.as_str()), ("x.md:7".to_owned(), "make down\n"));
    assert_eq!((block.language(), block.has_hint("quiet"), block.has_hint("sh")), ("sh", true, false));
    assert_eq!((page.spans[0].place.line, page.spans[0].text.as_str()), (3, "make up"));
}
