//! `curl`: its flags, and the paths, parameters and bodies of the HTTP API.

mod api;

/// Flags that take the next word as their value.
const WITH_VALUE: [&str; 30] = [
    "-A",
    "-D",
    "-H",
    "-K",
    "-X",
    "-b",
    "-d",
    "-m",
    "-o",
    "-u",
    "-w",
    "--cacert",
    "--cert",
    "--connect-timeout",
    "--connect-to",
    "--data",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "--header",
    "--json",
    "--key",
    "--max-time",
    "--output",
    "--request",
    "--resolve",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--user",
];

/// Flags without a value.
const ALONE: [&str; 14] = [
    "--compressed",
    "--fail",
    "--fail-with-body",
    "--get",
    "--include",
    "--insecure",
    "--location",
    "--no-buffer",
    "--no-progress-meter",
    "--retry-all-errors",
    "--retry-connrefused",
    "--show-error",
    "--silent",
    "--verbose",
];

/// Letters that may be written together behind one dash.
const LETTERS: &str = "fGikLNsSvOJI";

/// A request.
#[derive(Debug, Default)]
struct Request<'a> {
    method: Option<&'a str>,
    urls: Vec<&'a str>,
    headers: Vec<&'a str>,
    body: Option<&'a str>,
    is_json: bool,
}

pub(crate) fn check(arguments: &[&str]) -> Result<(), String> {
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        let (flag, value) = split(argument);
        if WITH_VALUE.contains(&flag) {
            let value = value.or_else(|| arguments.next().copied()).ok_or(format!("{flag} has no value"))?;
            request.set(flag, value);
        } else if !is_alone(argument) {
            if argument.starts_with('-') {
                return Err(format!("no check for the flag {argument}"));
            }
            request.urls.push(argument);
        }
    }
    if request.urls.is_empty() {
        return Err("there is no URL".to_owned());
    }
    request.urls.iter().try_for_each(|url| api::check(&request, url))
}

/// Splits `-XPOST` and `--request=POST`.
fn split(argument: &str) -> (&str, Option<&str>) {
    if argument.starts_with("--") {
        return argument.split_once('=').map_or((argument, None), |(flag, value)| (flag, Some(value)));
    }
    match argument.split_at_checked(2) {
        Some((flag, value)) if !value.is_empty() && WITH_VALUE.contains(&flag) => (flag, Some(value)),
        _ => (argument, None),
    }
}

fn is_alone(argument: &str) -> bool {
    let letters =
        argument.strip_prefix('-').filter(|letters| !letters.starts_with('-') && !letters.is_empty());
    ALONE.contains(&argument) || letters.is_some_and(|all| all.chars().all(|letter| LETTERS.contains(letter)))
}

impl<'a> Request<'a> {
    fn set(&mut self, flag: &str, value: &'a str) {
        match flag {
            "-X" | "--request" => self.method = Some(value),
            "-H" | "--header" => self.headers.push(value),
            "--json" => (self.body, self.is_json) = (Some(value), true),
            "-d" | "--data" | "--data-raw" | "--data-binary" => self.body = Some(value),
            _ => {}
        }
    }

    fn method(&self) -> &'a str {
        self.method.unwrap_or(if self.body.is_some() { "POST" } else { "GET" })
    }
}
