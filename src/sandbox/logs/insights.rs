//! A part of the Logs Insights language: `fields`, `display`, `filter`, `parse` with `*`, `sort`, `limit`, and `stats` with `by`.

use std::collections::BTreeMap;

use crate::sandbox::seed::logs::Event;

mod parser;

pub(super) use parser::{Wrong, parse};

/// An event's fields, those in its JSON included.
pub(super) type Fields = BTreeMap<String, String>;

pub(super) enum Command {
    Fields(Vec<(String, String)>),
    Filter(Condition),
    Parse(String, Vec<String>, Vec<String>),
    Sort(Vec<(String, bool)>),
    Limit(usize),
    Stats(Vec<Aggregate>, Vec<Group>),
}

pub(super) enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    Compare(String, String, String),
    Like(String, Like),
    In(String, Vec<String>),
}

pub(super) enum Like {
    Text(String),
    Regex(regex_lite::Regex),
}

pub(super) struct Aggregate {
    function: String,
    field: String,
    name: String,
}

pub(super) enum Group {
    Field(String),
    Bin(i64, String),
}

pub(super) fn fields(log: &str, event: &Event) -> Fields {
    let mut fields = Fields::from([
        ("@timestamp".to_owned(), stamp(event.time)),
        ("@millis".to_owned(), event.time.to_string()),
        ("@message".to_owned(), event.message.clone()),
        ("@logStream".to_owned(), event.stream.clone()),
        ("@log".to_owned(), log.to_owned()),
        ("@ptr".to_owned(), format!("Cl{:024x}", event.time)),
    ]);
    let json: Option<serde_json::Map<_, _>> = serde_json::from_str(&event.message).ok();
    for (name, value) in json.into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.insert(name, text);
    }
    fields
}

/// `2026-11-21 03:00:00.000`, as Insights writes a time.
fn stamp(millis: i64) -> String {
    let time = aws_smithy_types::DateTime::from_secs(millis.div_euclid(1000));
    let text = crate::ops::iso(&time).replace('T', " ");
    format!("{}.{:03}", text.trim_end_matches('Z'), millis.rem_euclid(1000))
}

/// The rows, and how many events the filters let through.
pub(super) fn run(commands: &[Command], mut events: Vec<Fields>, limit: usize) -> (Vec<Vec<(String, String)>>, usize) {
    let mut columns = vec!["@timestamp".to_owned(), "@message".to_owned()];
    let (mut most, mut matched, mut grouped) = (limit, None, false);
    events.sort_by(|a, b| number(b, "@millis").total_cmp(&number(a, "@millis")));
    let mut chosen = false;
    for command in commands {
        match command {
            Command::Filter(condition) => events.retain(|event| condition.holds(event)),
            Command::Fields(pairs) => {
                if !chosen {
                    columns.clear();
                }
                chosen = true;
                for (name, alias) in pairs {
                    for event in events.iter_mut().filter(|_| name != alias) {
                        let value = event.get(name).cloned();
                        event.extend(value.map(|v| (alias.clone(), v)));
                    }
                    columns.push(alias.clone());
                }
            }
            Command::Parse(field, glob, names) => {
                for event in &mut events {
                    let values = event.get(field).and_then(|text| split(text, glob)).unwrap_or_default();
                    event.extend(names.iter().cloned().zip(values));
                }
            }
            Command::Sort(keys) => events.sort_by(|a, b| {
                let ordered = keys.iter().map(|(key, down)| {
                    let order = compare(a.get(key), b.get(key));
                    if *down { order.reverse() } else { order }
                });
                ordered.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            }),
            Command::Limit(n) => most = most.min(*n),
            Command::Stats(aggregates, by) => {
                matched.get_or_insert(events.len());
                (events, columns) = stats(&events, aggregates, by);
                grouped = true;
            }
        }
    }
    let matched = matched.unwrap_or(events.len());
    if !grouped {
        columns.push("@ptr".to_owned());
    }
    let row = |event: Fields| {
        let values = columns
            .iter()
            .map(|name| Some((name.clone(), event.get(name)?.clone())));
        values.flatten().collect()
    };
    (events.into_iter().take(most).map(row).collect(), matched)
}

fn number(event: &Fields, name: &str) -> f64 {
    event.get(name).and_then(|v| v.parse().ok()).unwrap_or_default()
}

/// As numbers where both are, else as text.
fn compare(a: Option<&String>, b: Option<&String>) -> std::cmp::Ordering {
    let numbers = a
        .and_then(|a| a.parse::<f64>().ok())
        .zip(b.and_then(|b| b.parse::<f64>().ok()));
    numbers.map_or_else(|| a.cmp(&b), |(a, b)| a.total_cmp(&b))
}

/// What the stars of a glob stand for.
fn split(text: &str, glob: &[String]) -> Option<Vec<String>> {
    let (first, rest) = glob.split_first()?;
    let mut left = text.get(text.find(first.as_str())? + first.len()..)?;
    let mut values = Vec::new();
    for part in rest {
        let at = if part.is_empty() {
            left.len()
        } else {
            left.find(part.as_str())?
        };
        values.push(left.get(..at)?.to_owned());
        left = left.get(at + part.len()..)?;
    }
    Some(values)
}

impl Condition {
    fn holds(&self, event: &Fields) -> bool {
        match self {
            Self::Any(list) => list.iter().any(|c| c.holds(event)),
            Self::All(list) => list.iter().all(|c| c.holds(event)),
            Self::Not(condition) => !condition.holds(event),
            Self::In(field, values) => event.get(field).is_some_and(|v| values.contains(v)),
            Self::Like(field, like) => event.get(field).is_some_and(|text| match like {
                Like::Text(part) => text.contains(part.as_str()),
                Like::Regex(regex) => regex.is_match(text),
            }),
            Self::Compare(field, sign, value) => {
                let Some(found) = event.get(field) else {
                    return sign == "!=";
                };
                let order = compare(Some(found), Some(value));
                match sign.as_str() {
                    "=" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        }
    }
}

fn stats(events: &[Fields], aggregates: &[Aggregate], by: &[Group]) -> (Vec<Fields>, Vec<String>) {
    let mut groups: BTreeMap<Vec<String>, Vec<&Fields>> = BTreeMap::new();
    for event in events {
        let key = by.iter().map(|group| match group {
            Group::Field(name) => event.get(name).cloned().unwrap_or_default(),
            #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds")]
            Group::Bin(seconds, _) => {
                let width = seconds * 1000;
                stamp((number(event, "@millis") as i64).div_euclid(width) * width)
            }
        });
        groups.entry(key.collect()).or_default().push(event);
    }
    let name = |group: &Group| match group {
        Group::Field(name) | Group::Bin(_, name) => name.clone(),
    };
    let names: Vec<String> = by.iter().map(name).collect();
    let columns = names
        .iter()
        .cloned()
        .chain(aggregates.iter().map(|a| a.name.clone()))
        .collect();
    let rows = groups.into_iter().rev().map(|(key, events)| {
        let keys = names.iter().cloned().zip(key);
        keys.chain(aggregates.iter().filter_map(|a| Some((a.name.clone(), a.of(&events)?))))
            .collect()
    });
    (rows.collect(), columns)
}

impl Aggregate {
    fn of(&self, events: &[&Fields]) -> Option<String> {
        let present = events.iter().filter_map(|e| e.get(&self.field));
        if self.function == "count" {
            let all = self.field == "*";
            return Some(if all { events.len() } else { present.count() }.to_string());
        }
        if self.function == "count_distinct" {
            return Some(present.collect::<std::collections::BTreeSet<_>>().len().to_string());
        }
        let mut values: Vec<f64> = present.filter_map(|v| v.parse().ok()).collect();
        values.sort_by(f64::total_cmp);
        let sum: f64 = values.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let value = match self.function.as_str() {
            "sum" => sum,
            "avg" => sum / values.len() as f64,
            "min" => *values.first()?,
            _ => *values.last()?,
        };
        value.is_finite().then(|| value.to_string())
    }
}
