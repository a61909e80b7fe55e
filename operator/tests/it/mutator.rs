//! Random specs: those of the examples and of the refused pipelines, with parts of each other and odd values in them.

use std::collections::BTreeMap;
use std::fs;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::cluster::crds;

pub(crate) struct Mutator {
    random: StdRng,
    specs: Vec<Value>,
    /// All values of a field, wherever it occurs.
    parts: BTreeMap<String, Vec<Value>>,
    names: Vec<String>,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        let specs = specs();
        let mut parts = BTreeMap::new();
        for spec in &specs {
            collect(spec, &mut parts);
        }
        let names = parts.keys().cloned().collect();
        Self { random: StdRng::seed_from_u64(seed), specs, parts, names }
    }

    /// A spec with one to three changes.
    pub(crate) fn spec(&mut self) -> Value {
        let mut spec = self.specs.choose(&mut self.random).unwrap().clone();
        for _ in 0..self.random.random_range(1..=3) {
            self.change_within(&mut spec);
        }
        spec
    }

    /// Changes the value, or one inside of it.
    fn change_within(&mut self, value: &mut Value) {
        let inner = if self.random.random_ratio(1, 5) { None } else { self.inner(value) };
        match inner {
            // Not in the arm above: the borrow would last.
            Some(place) => {
                let inner = match place {
                    Place::Field(name) => &mut value[name],
                    Place::Item(at) => &mut value[at],
                };
                self.change_within(inner);
            }
            None => self.change(value),
        }
    }

    fn inner(&mut self, value: &Value) -> Option<Place> {
        match value {
            Value::Object(fields) => {
                let names: Vec<&String> = fields.keys().collect();
                names.choose(&mut self.random).map(|name| Place::Field((*name).clone()))
            }
            Value::Array(list) if !list.is_empty() => {
                Some(Place::Item(self.random.random_range(0..list.len())))
            }
            _ => None,
        }
    }

    fn change(&mut self, value: &mut Value) {
        let odd = self.odd();
        let name = self.names.choose(&mut self.random).unwrap().clone();
        let part = self.parts[&name].choose(&mut self.random).unwrap().clone();
        let (choice, at) = (self.random.random_range(0..4), self.random.random_range(0..8));
        match value {
            Value::Object(fields) if choice < 3 => {
                let present = fields.keys().nth(at % fields.len().max(1)).cloned();
                match (choice, present) {
                    (0, Some(present)) => drop(fields.remove(&present)),
                    (1, Some(present)) => {
                        let part = self.parts.get(&present).and_then(|parts| parts.choose(&mut self.random));
                        fields.insert(present, part.cloned().unwrap_or(odd));
                    }
                    _ => drop(fields.insert(name, part)),
                }
            }
            Value::Array(list) if choice < 3 => match (choice, list.len()) {
                (0, length) if length > 0 => drop(list.remove(at % length)),
                (1, length) if length > 0 => list.push(list[at % length].clone()),
                _ => list.push(odd),
            },
            Value::String(text) if choice < 2 => match choice {
                0 => text.push(['a', 'Z', '-', '.', '/', ' ', ':', 'é'][at]),
                _ => drop(text.pop()),
            },
            Value::Number(number) if choice < 2 => {
                let by = [-1, 1, 10, -10, 1000, 86_400, -1_000_000, 4_294_967_296][at];
                *value = json!(number.as_i64().unwrap_or_default().saturating_add(by));
            }
            other => *other = odd,
        }
    }

    fn odd(&mut self) -> Value {
        let long = |length| json!("a".repeat(length));
        match self.random.random_range(0..32) {
            0 => Value::Null,
            1 => json!({}),
            2 => json!([]),
            3 => json!([null]),
            4 => long(63),
            5 => long(64),
            6 => long(300),
            7 => json!(1.5),
            8 => json!(1e20),
            9 => json!(i64::MAX),
            10 => json!(u64::MAX),
            11 => json!(2.0),
            12 => json!({"a": "b"}),
            13 => json!(["a", "a"]),
            place => {
                const PLAIN: [&str; 18] = [
                    "true",
                    "false",
                    "0",
                    "-1",
                    "1",
                    "2147483648",
                    "\"\"",
                    "\"a\"",
                    "\"A b\"",
                    "\"1\"",
                    "\"1Gi\"",
                    "\"-1\"",
                    "\"10%\"",
                    "\"0.5\"",
                    "\"http://a/b\"",
                    "\"10.0.0.0/8\"",
                    "\"a.example\"",
                    "\"/a/b\"",
                ];
                serde_json::from_str(PLAIN[place - 14]).unwrap()
            }
        }
    }
}

enum Place {
    Field(String),
    Item(usize),
}

fn specs() -> Vec<Value> {
    let folders = [crds().join("../examples"), crds().join("invalid")];
    let files = folders.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let yaml = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let documents = yaml.flat_map(|path| -> Vec<Value> {
        serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap()
    });
    documents
        .filter(|object| object["kind"] == "EventPipeline")
        .map(|mut object| object["spec"].take())
        .collect()
}

fn collect(value: &Value, parts: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                parts.entry(name.clone()).or_default().push(value.clone());
                collect(value, parts);
            }
        }
        Value::Array(list) => list.iter().for_each(|item| collect(item, parts)),
        _ => {}
    }
}
