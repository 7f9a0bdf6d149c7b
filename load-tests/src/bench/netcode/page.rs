//! What the server's metrics page says of a span of time: the difference of two looks at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics_scrape::{Sample, quantile_of_buckets};

/// Times of something that happened again and again, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    /// How often.
    pub(super) count: u64,
    /// On the average.
    pub(super) mean_us: f64,
    /// Quantiles, by the page's buckets.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p99_9_us: f64,
}

/// Two looks.
pub(super) struct Span<'a> {
    /// The first.
    pub(super) before: &'a [Sample],
    /// The second.
    pub(super) after: &'a [Sample],
}

impl Span<'_> {
    /// By how much the counters of a name rose together.
    #[must_use]
    pub(super) fn counted(&self, name: &str) -> u64 {
        let sum = |samples: &[Sample]| {
            samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum::<f64>()
        };
        (sum(self.after) - sum(self.before)).max(0.0) as u64
    }

    /// What a histogram of seconds took in, over those with this label, or all.
    #[must_use]
    pub(super) fn times(&self, name: &str, label: Option<(&str, &str)>) -> Times {
        let (sum, count) = (self.rose(&format!("{name}_sum"), label), self.rose(&format!("{name}_count"), label));
        if count < 1.0 {
            return Times::default();
        }
        let bucket = format!("{name}_bucket");
        let mut buckets = BTreeMap::<&str, f64>::new();
        for (samples, sign) in [(self.after, 1.0), (self.before, -1.0)] {
            for sample in samples.iter().filter(|sample| sample.name == bucket && has(sample, label)) {
                *buckets.entry(sample.labels.get("le").map_or("", String::as_str)).or_default() += sign * sample.value;
            }
        }
        let mut buckets: Vec<(f64, f64)> =
            buckets.into_iter().filter_map(|(le, count)| Some((le.parse().ok()?, count))).collect();
        let mut us = |quantile| quantile_of_buckets(&mut buckets, quantile).unwrap_or(0.0) * 1e6;
        Times {
            count: count as u64,
            mean_us: sum / count * 1e6,
            p50_us: us(0.5),
            p99_us: us(0.99),
            p99_9_us: us(0.999),
        }
    }

    fn rose(&self, name: &str, label: Option<(&str, &str)>) -> f64 {
        let sum = |samples: &[Sample]| {
            samples
                .iter()
                .filter(|sample| sample.name == name && has(sample, label))
                .map(|sample| sample.value)
                .sum::<f64>()
        };
        sum(self.after) - sum(self.before)
    }
}

fn has(sample: &Sample, label: Option<(&str, &str)>) -> bool {
    label.is_none_or(|(key, value)| sample.labels.get(key).is_some_and(|is| is == value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics_scrape::parse;

    fn page(counts: [u64; 3], sum: f64, sent: u64) -> String {
        let [one, two, all] = counts;
        format!(
            "t_bucket{{phase=\"a\",le=\"0.001\"}} {one}\nt_bucket{{phase=\"a\",le=\"0.002\"}} {two}\n\
             t_bucket{{phase=\"a\",le=\"+Inf\"}} {all}\nt_sum{{phase=\"a\"}} {sum}\nt_count{{phase=\"a\"}} {all}\n\
             t_sum{{phase=\"b\"}} 9\nt_count{{phase=\"b\"}} 9\n\
             sent_total{{way=\"x\"}} {sent}\nsent_total{{way=\"y\"}} 1\n"
        )
    }

    #[test]
    fn only_what_came_between_the_looks_counts() {
        let (before, after) = (parse(&page([100, 100, 100], 0.01, 5)), parse(&page([150, 200, 200], 0.11, 12)));
        let span = Span { before: &before, after: &after };
        let times = span.times("t", Some(("phase", "a")));
        assert_eq!((times.count, times.mean_us.round(), times.p50_us.round()), (100, 1_000.0, 1_000.0));
        assert_eq!(times.p99_us.round(), 1_980.0);
        assert_eq!(span.counted("sent_total"), 7);
        assert_eq!(span.times("t", Some(("phase", "b"))), Times::default(), "nothing came");
        assert_eq!(span.times("u", None), Times::default());
    }
}
