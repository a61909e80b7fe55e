//! Every block of code in the documentation is valid: commands parse, documents meet their schemas.
//!
//! A block without a language, in a language that nothing checks, or with a program that nothing checks is a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod commands;
mod kubernetes;
mod languages;
mod pages;
mod report;
mod run;
mod shell;
mod sql;
mod yaml;

use report::Report;

#[tokio::test]
async fn every_command_is_valid() {
    let mut report = Report::default();
    for page in report::pages() {
        commands::check_page(&page, &mut report);
    }
    sql::check(&mut report).await;
    report.finish();
}

#[tokio::test]
async fn every_other_block_is_valid() {
    let mut report = Report::default();
    for block in report::pages().iter().flat_map(|page| &page.blocks) {
        languages::check(block, &mut report);
    }
    kubernetes::check(&mut report).await;
    report.finish();
}
