//! The expressions that the sandbox knows: `SEARCH('{Namespace,Dimension} MetricName="X"', 'Stat', period)`, and an operation on two
//! series or a series and a number.

use awsim_core::AwsError;

use super::data::{Asked, Line, invalid};
use crate::sandbox::seed::cloudwatch::metrics;

/// The most series that a search gives.
const MOST: usize = 100;

pub(super) fn lines(asked: &Asked<'_>, id: &str, words: &str, known: &[(String, Line)]) -> Result<Vec<Line>, AwsError> {
    let wrong = |why: &str| invalid(format!("Error in expression '{id}': {why}"));
    let words = words.trim();
    if let Some(inside) = words.strip_prefix("SEARCH(").and_then(|rest| rest.strip_suffix(')')) {
        return search(asked, inside).ok_or_else(|| wrong("Syntax Error in SEARCH expression"));
    }
    let operator = words.char_indices().skip(1).find(|(_, c)| "+-*/".contains(*c));
    let (at, operator) = operator.ok_or_else(|| wrong("Unsupported operand type(s) or function"))?;
    let (left, right) = (
        words.get(..at).unwrap_or_default(),
        words.get(at + 1..).unwrap_or_default(),
    );
    let side = |text: &str| match text.trim().parse::<f64>() {
        Ok(number) => Ok(Side::Number(number)),
        Err(_) => known
            .iter()
            .find(|(known, _)| known == text.trim())
            .map(|(_, line)| Side::Line(line))
            .ok_or_else(|| wrong(&format!("Unrecognized token '{}'", text.trim()))),
    };
    let (left, right) = (side(left)?, side(right)?);
    let times = match (&left, &right) {
        (Side::Line(line), _) | (_, Side::Line(line)) => line.points.iter().map(|p| p.0),
        _ => return Err(wrong("The expression is a number, and has no times")),
    };
    let points = times.filter_map(|at| {
        let (a, b) = (left.at(at)?, right.at(at)?);
        let value = match operator {
            '+' => a + b,
            '-' => a - b,
            '*' => a * b,
            _ => a / b,
        };
        value.is_finite().then_some((at, value))
    });
    Ok(vec![Line {
        label: id.to_owned(),
        points: points.collect(),
    }])
}

enum Side<'a> {
    Number(f64),
    Line(&'a Line),
}

impl Side<'_> {
    fn at(&self, time: i64) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Line(line) => line.points.iter().find(|p| p.0 == time).map(|p| p.1),
        }
    }
}

fn search(asked: &Asked<'_>, inside: &str) -> Option<Vec<Line>> {
    let mut quoted = inside.split('\'');
    let (what, stat, rest) = (quoted.nth(1)?, quoted.nth(1)?, quoted.next()?);
    let period: i64 = rest
        .trim()
        .strip_prefix(',')
        .map_or(Some(300), |p| p.trim().parse().ok())?;
    let (schema, terms) = what.trim().strip_prefix('{')?.split_once('}')?;
    let mut schema = schema.split(',').map(|part| part.trim().trim_matches('"'));
    let namespace = schema.next()?;
    let names: Vec<&str> = schema.collect();
    let matches = |term: &str, name: &str, dimensions: &[(&str, String)]| match term.split_once('=') {
        Some(("MetricName", wanted)) => wanted.trim_matches('"') == name,
        Some((key, wanted)) => dimensions
            .iter()
            .any(|(k, v)| *k == key && v == wanted.trim_matches('"')),
        None => name.to_lowercase().contains(&term.trim_matches('"').to_lowercase()),
    };
    let found = metrics(asked.account, asked.region).into_iter().filter(|s| {
        s.namespace == namespace
            && s.dimensions.len() == names.len()
            && s.dimensions.iter().all(|(name, _)| names.contains(name))
            && terms
                .split_whitespace()
                .all(|term| matches(term, s.name, &s.dimensions))
    });
    let line = |series: crate::sandbox::seed::cloudwatch::Series| {
        let values: Vec<&str> = series.dimensions.iter().map(|(_, value)| value.as_str()).collect();
        Line {
            label: format!("{} {}", values.join(" "), series.name).trim().to_owned(),
            points: asked.points(&series, period, stat),
        }
    };
    Some(found.take(MOST).map(line).collect())
}
