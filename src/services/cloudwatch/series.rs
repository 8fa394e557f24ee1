//! A series as somebody on call reads it: what is highest, lowest, usual and last, and points that show its shape.

use aws_smithy_types::DateTime;
use rmcp::schemars::JsonSchema;
use serde::Serialize;

use crate::ops::iso;

/// How many points all series of an answer show together, and each at least and at most.
const POINTS: usize = 600;
const LEAST: usize = 6;
const MOST: usize = 60;

/// One line of a chart.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Series {
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Point>,
    /// The points' mean
    #[serde(skip_serializing_if = "Option::is_none")]
    avg: Option<f64>,
    /// How many points there are
    count: usize,
    /// Where not all are shown, which
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
    /// Newest last
    #[serde(skip_serializing_if = "Vec::is_empty")]
    points: Vec<Point>,
    /// Why there are none, or not all
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// A time and a value.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Point(
    #[serde(serialize_with = "as_iso")]
    #[schemars(with = "String")]
    pub(super) DateTime,
    pub(super) f64,
);

fn as_iso<S: serde::Serializer>(time: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(time))
}

impl Series {
    /// The points are sorted here; of `all` series each shows its share.
    pub(super) fn new(label: String, unit: Option<String>, mut points: Vec<Point>, all: usize) -> Self {
        points.sort_by_key(|Point(time, _)| (time.secs(), time.subsec_nanos()));
        let count = points.len();
        let extreme = |sign: f64| {
            points
                .iter()
                .copied()
                .max_by(|a, b| (a.1 * sign).total_cmp(&(b.1 * sign)))
        };
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let avg = (count > 0).then(|| points.iter().map(|p| p.1).sum::<f64>() / count as f64);
        let most = (POINTS / all.max(1)).clamp(LEAST, MOST);
        let each = count.div_ceil(most).max(1);
        Self {
            label,
            unit,
            last: points.last().copied(),
            max: extreme(1.0),
            min: extreme(-1.0),
            avg: avg.map(rounded),
            count,
            shown: (each > 1).then(|| format!("of each {each} points the one farthest from the average")),
            points: thinned(&points, each, avg.unwrap_or_default()),
            note: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Of each `each` points the one farthest from `avg`: real values at their times, and no peak is lost.
fn thinned(points: &[Point], each: usize, avg: f64) -> Vec<Point> {
    let far = |p: &Point| (p.1 - avg).abs();
    let farthest = |chunk: &[Point]| chunk.iter().copied().max_by(|a, b| far(a).total_cmp(&far(b)));
    points.chunks(each).filter_map(farthest).collect()
}

/// Four significant digits beyond the point are enough for a mean.
fn rounded(value: f64) -> f64 {
    format!("{value:.4}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_series_keeps_its_peaks_and_its_order() {
        let mut points: Vec<Point> = (0_i32..1000)
            .map(|n| Point(DateTime::from_secs(n.into()), 1.0))
            .collect();
        points[437].1 = 90.0;
        points.reverse();
        let series = Series::new("x".to_owned(), None, points, 1);
        assert!(series.points.len() <= MOST && series.points.is_sorted_by_key(|p| p.0.secs()));
        assert_eq!(series.points.iter().filter(|p| p.1 > 1.0).count(), 1);
        assert_eq!((series.count, series.max.unwrap().0.secs()), (1000, 437));
        assert_eq!((series.last.unwrap().0.secs(), series.avg), (999, Some(1.089)));
        assert!(series.shown.unwrap().contains("each 17"));
    }

    #[test]
    fn a_short_series_is_shown_whole_and_an_empty_one_has_nothing() {
        let points = (0..5).map(|n| Point(DateTime::from_secs(n), 2.0)).collect();
        let series = Series::new("x".to_owned(), None, points, 100);
        assert_eq!((series.points.len(), series.shown), (5, None));
        let none = Series::new("x".to_owned(), None, Vec::new(), 1);
        assert_eq!(
            serde_json::to_value(&none).unwrap(),
            serde_json::json!({ "label": "x", "count": 0 })
        );
    }
}
