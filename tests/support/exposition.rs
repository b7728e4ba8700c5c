//! A strict reader of what `/metrics` answers (OpenMetrics 1.0, the text format), written from its grammar: what it does not
//! understand, or what the format forbids, is a panic.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// Name of the family and its type.
    pub(crate) families: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

impl Exposition {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        let mut parsed = Self { families: BTreeMap::new(), samples: Vec::new() };
        let mut described = None;
        let mut family: Option<(String, String)> = None;
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a text");
                assert!(help.len() > 5 && help.ends_with('.'), "{line}");
                described = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(described.as_deref(), Some(name), "a type without a text: {line}");
                assert!(is_name(name, true), "{line}");
                assert!(["counter", "gauge", "histogram", "info"].contains(&kind), "{line}");
                let before = parsed.families.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} is there twice");
                family = Some((name.to_owned(), kind.to_owned()));
            } else {
                let sample = read_sample(line);
                let (name, kind) = family.as_ref().expect("a family before its samples");
                assert!(belongs(&sample, name, kind), "{line} is no sample of {kind} {name}");
                parsed.samples.push(sample);
            }
        }
        parsed.check();
        parsed
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?} is there twice");
        }
        for (family, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let buckets = self.samples.iter().filter(|sample| sample.name == format!("{family}_bucket"));
            let mut series: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
            for bucket in buckets {
                let mut labels = bucket.labels.clone();
                let bound = labels.remove("le").expect("every bucket has a bound");
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
                series.entry(labels).or_default().push((bound, bucket.value));
            }
            for (labels, buckets) in series {
                let rising = buckets.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1);
                assert!(rising, "{family} {labels:?}: {buckets:?}");
                let count =
                    self.find(&format!("{family}_count"), &labels).expect("every histogram has a count");
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{family} {labels:?}");
                assert!(self.find(&format!("{family}_sum"), &labels).is_some_and(|sum| sum >= 0.0));
            }
        }
    }

    fn find(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
        let found = self.samples.iter().find(|sample| sample.name == name && sample.labels == *labels);
        found.map(|sample| sample.value)
    }

    /// The value with exactly these labels; what was never counted counts as nothing.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.find(name, &labels).unwrap_or_default()
    }

    /// The same of what is counted in ones.
    #[track_caller]
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.value(name, labels))
    }

    /// Every value that this label has.
    pub(crate) fn values_of(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|sample| sample.labels.get(label).map(String::as_str)).collect()
    }
}

#[track_caller]
pub(crate) fn whole(value: f64) -> u64 {
    let written = value.to_string();
    written.parse().unwrap_or_else(|_| panic!("{value} is no count"))
}

fn belongs(sample: &Sample, family: &str, kind: &str) -> bool {
    let Some(suffix) = sample.name.strip_prefix(family) else { return false };
    match kind {
        "counter" => suffix == "_total" && sample.value >= 0.0,
        "gauge" => suffix.is_empty(),
        "info" => suffix == "_info" && whole(sample.value) == 1,
        _ => ["_bucket", "_sum", "_count"].contains(&suffix),
    }
}

fn is_name(name: &str, colon: bool) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
    name.bytes().all(good) && !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty()
}

fn read_sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let name = &line[..end];
    assert!(is_name(name, true), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while let Some((label, value)) = rest.split_once("=\"") {
            assert!(is_name(label, false), "{line}");
            let (value, after) = read_text(value);
            assert_eq!(labels.insert(label.to_owned(), value), None, "{line}");
            rest = after;
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("labels without an end: {line}"));
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    Sample { name: name.to_owned(), labels, value }
}

/// Reads up to the closing quote; what is left after it.
fn read_text(text: &str) -> (String, &str) {
    let mut read = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (read, &text[at + 1..]),
            '\\' => read.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                other => panic!("no such escape: {other:?} in {text}"),
            }),
            plain => read.push(plain),
        }
    }
    panic!("a label without an end: {text}");
}
