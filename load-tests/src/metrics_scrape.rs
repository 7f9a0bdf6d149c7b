//! Reads the server's `/metrics` page: a plain HTTP/1.0 GET and a parser for the few lines the report needs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::limits::{METRICS_PAGE_MAX, METRICS_TIME_LIMIT};

/// Why the metrics page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// No connection, or it broke.
    #[error("reading http://{address}/metrics: {source}")]
    Io {
        /// The server's HTTP address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing within the time limit.
    #[error("http://{0}/metrics did not answer within {1:?}")]
    TimedOut(SocketAddr, Duration),
    /// Not 200, or no HTTP at all.
    #[error("http://{0}/metrics answered \"{1}\"")]
    Refused(SocketAddr, String),
}

/// One line of the page: `name{label="value",..} number`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the series, with its `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The number; `+Inf` and `NaN` are possible.
    pub value: f64,
}

/// What the report takes from the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerFigures {
    /// Median length of a tick, microseconds, of the region where it is worst.
    pub tick_us_p50: Option<f64>,
    /// 99th percentile of it, of the region where it is worst.
    pub tick_us_p99: Option<f64>,
    /// Ticks that took longer than their period, all regions, since the server's start.
    pub tick_overruns: Option<u64>,
    /// Inputs that moved a player, all regions, since the server's start.
    pub inputs_applied: Option<u64>,
}

/// Fetches the page and picks the figures out.
///
/// # Errors
/// When the page cannot be had within [`METRICS_TIME_LIMIT`].
pub async fn scrape(address: SocketAddr) -> Result<ServerFigures, ScrapeError> {
    Ok(figures(&samples(address).await?))
}

/// Fetches the page.
///
/// # Errors
/// As [`scrape`].
pub async fn samples(address: SocketAddr) -> Result<Vec<Sample>, ScrapeError> {
    let page = tokio::time::timeout(METRICS_TIME_LIMIT, fetch(address))
        .await
        .map_err(|_| ScrapeError::TimedOut(address, METRICS_TIME_LIMIT))??;
    Ok(parse(&page))
}

async fn fetch(address: SocketAddr) -> Result<String, ScrapeError> {
    let io = |source| ScrapeError::Io { address, source };
    let mut stream = TcpStream::connect(address).await.map_err(io)?;
    // HTTP/1.0: the answer ends with the connection and is never chunked.
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\nAccept: text/plain\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(io)?;
    let mut answer = Vec::new();
    stream.take(METRICS_PAGE_MAX).read_to_end(&mut answer).await.map_err(io)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(ScrapeError::Refused(address, status.to_owned()));
    }
    Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// Every well-formed sample of a page in the Prometheus text format; other lines are passed over.
#[must_use]
pub fn parse(page: &str) -> Vec<Sample> {
    page.lines().filter(|line| !line.starts_with('#')).filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Sample> {
    let line = line.trim();
    let (series, rest) = match line.find('{') {
        Some(open) => {
            let close = line.rfind('}')?;
            ((line.get(..open)?, line.get(open + 1..close)?), line.get(close + 1..)?)
        }
        None => {
            let end = line.find(' ')?;
            ((line.get(..end)?, ""), line.get(end..)?)
        }
    };
    // A time stamp may follow the value.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: series.0.to_owned(), labels: parse_labels(series.1)?, value })
}

fn parse_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim().to_owned(), value);
        text = rest.get(end + 1..)?.trim_start_matches(',').trim_start();
    }
    Some(labels)
}

/// Picks the figures out of a page's samples. Ticks may be a summary (quantiles) or a histogram (buckets).
#[must_use]
pub fn figures(samples: &[Sample]) -> ServerFigures {
    ServerFigures {
        tick_us_p50: tick_us(samples, 0.5),
        tick_us_p99: tick_us(samples, 0.99),
        tick_overruns: total(samples, "shallot_tick_overruns_total"),
        inputs_applied: total(samples, "shallot_inputs_applied_total"),
    }
}

fn total(samples: &[Sample], name: &str) -> Option<u64> {
    let mut found = samples.iter().filter(|s| s.name == name && s.value.is_finite()).peekable();
    found.peek()?;
    Some(found.map(|s| s.value.max(0.0) as u64).sum())
}

fn tick_us(samples: &[Sample], quantile: f64) -> Option<f64> {
    let by_summary = samples
        .iter()
        .filter(|s| s.name == "shallot_tick_seconds")
        .filter(|s| s.labels.get("quantile").and_then(|q| q.parse::<f64>().ok()) == Some(quantile))
        .map(|s| s.value);
    let mut regions: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in samples.iter().filter(|s| s.name == "shallot_tick_seconds_bucket") {
        let region = sample.labels.get("region").map_or("", String::as_str);
        if let Some(bound) = sample.labels.get("le").and_then(|le| le.parse().ok()) {
            regions.entry(region).or_default().push((bound, sample.value));
        }
    }
    let by_buckets = regions.values_mut().filter_map(|buckets| quantile_of_buckets(buckets, quantile));
    by_summary.chain(by_buckets).filter(|seconds| seconds.is_finite()).map(|s| s * 1e6).reduce(f64::max)
}

/// A quantile of upper bounds with their cumulated counts; `None` of nothing. Linear inside a bucket, as Prometheus' `histogram_quantile` does it; the last bucket counts as its lower bound.
pub fn quantile_of_buckets(buckets: &mut [(f64, f64)], quantile: f64) -> Option<f64> {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rank = buckets.last().map(|(_, count)| count * quantile).filter(|rank| *rank > 0.0)?;
    let (mut low, mut below) = (0.0, 0.0);
    for &(bound, count) in buckets.iter() {
        if count >= rank {
            return Some(if bound.is_finite() { low + (bound - low) * (rank - below) / (count - below) } else { low });
        }
        (low, below) = (bound, count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = r#"# TYPE shallot_tick_seconds summary
shallot_tick_seconds{region="greenvale",quantile="0"} 0.0001
shallot_tick_seconds{region="greenvale",quantile="0.5"} 0.0004
shallot_tick_seconds{region="greenvale",quantile="0.99"} 0.0021
shallot_tick_seconds{region="amber \"hills\"",quantile="0.5"} 0.0009
shallot_tick_seconds{region="amber \"hills\"",quantile="0.99"} 0.0012
shallot_tick_seconds_sum{region="greenvale"} 1.5
shallot_tick_overruns_total{region="greenvale"} 2
shallot_tick_overruns_total{region="amber \"hills\""} 1
shallot_inputs_applied_total 48211 1700000000000
"#;

    #[test]
    fn figures_are_those_of_the_worst_region_and_sums_over_all() {
        let got = figures(&parse(SUMMARY));
        assert_eq!(got.tick_us_p50.map(f64::round), Some(900.0));
        assert_eq!(got.tick_us_p99.map(f64::round), Some(2_100.0));
        assert_eq!(got.tick_overruns, Some(3));
        assert_eq!(got.inputs_applied, Some(48_211));
    }

    #[test]
    fn histograms_are_read_by_interpolation() {
        let page = "shallot_tick_seconds_bucket{region=\"a\",le=\"0.001\"} 50\n\
                    shallot_tick_seconds_bucket{region=\"a\",le=\"0.002\"} 99\n\
                    shallot_tick_seconds_bucket{region=\"a\",le=\"+Inf\"} 100\n";
        let got = figures(&parse(page));
        assert_eq!(got.tick_us_p50.map(f64::round), Some(1_000.0));
        assert_eq!(got.tick_us_p99.map(f64::round), Some(2_000.0));
    }

    #[test]
    fn what_is_not_on_the_page_is_absent() {
        assert_eq!(figures(&parse("process_cpu_seconds_total 3\n")), ServerFigures::default());
    }

    #[test]
    fn labels_keep_escaped_quotes_and_commas() {
        let samples = parse("x{a=\"1,\\\"2\\\"\", b=\"\"} +Inf\n");
        let sample = samples.first().expect("one sample");
        assert_eq!(sample.labels.get("a").map(String::as_str), Some("1,\"2\""));
        assert_eq!(sample.labels.get("b").map(String::as_str), Some(""));
        assert!(sample.value.is_infinite());
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert!(parse("nonsense\nx{a=\"1 2\nx{} y\n{\n}{ 1\n\n").is_empty());
    }

    #[tokio::test]
    async fn a_page_is_fetched_over_http() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let serve = async {
            let (mut socket, _) = listener.accept().await.expect("accept");
            let mut request = [0_u8; 512];
            let read = socket.read(&mut request).await.expect("request");
            assert!(request.get(..read).expect("read").starts_with(b"GET /metrics HTTP/1.0\r\n"));
            let page =
                "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nshallot_tick_overruns_total{region=\"a\"} 7\n";
            socket.write_all(page.as_bytes()).await.expect("answer");
        };
        let (got, ()) = tokio::join!(scrape(address), serve);
        assert_eq!(got.expect("figures").tick_overruns, Some(7));
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let serve = async {
            let (mut socket, _) = listener.accept().await.expect("accept");
            let mut request = [0_u8; 512];
            let _ = socket.read(&mut request).await.expect("request");
            socket.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n").await.expect("answer");
        };
        let (got, ()) = tokio::join!(scrape(address), serve);
        assert!(matches!(got, Err(ScrapeError::Refused(_, status)) if status.contains("404")));
    }
}
