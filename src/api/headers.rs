//! Headers and query parameters that change what a request means.

use axum::http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use events::id::{Epoch, Sequence};

use super::error::ApiError;
use super::fields::parse_id;

/// `Ledger-Sequence`: `<epoch>.<sequence of the last event>`, on every write.
pub const LEDGER_SEQUENCE: HeaderName = HeaderName::from_static("ledger-sequence");
const LEDGER_MIN_SEQUENCE: HeaderName = HeaderName::from_static("ledger-min-sequence");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const TAGS: &str = "ETags as GET answered them, such as \"42\" with its quotes, or *";

/// What `If-Match` or `If-None-Match` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any state of an object that exists.
    Any,
    /// One of these; tags that no answer of ours ever carried match nothing and are left out.
    OneOf(Vec<Sequence>),
}

impl Tags {
    /// Whether an object at this sequence is meant.
    pub fn match_sequence(&self, sequence: Sequence) -> bool {
        match self {
            Tags::Any => true,
            Tags::OneOf(tags) => tags.contains(&sequence),
        }
    }
}

/// The `ETag` of an object: the sequence of the last event that changed its representation.
pub fn etag(sequence: Sequence) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", sequence.0)).expect("digits in quotes are a header value")
}

/// `If-Match`, compared strongly (RFC 9110 section 13.1.1): a weak tag matches nothing.
pub fn if_match(headers: &HeaderMap) -> Result<Option<Tags>, ApiError> {
    tags(headers, &IF_MATCH, "If-Match", false)
}

/// `If-None-Match`, compared weakly (RFC 9110 section 13.1.2).
pub fn if_none_match(headers: &HeaderMap) -> Result<Option<Tags>, ApiError> {
    tags(headers, &IF_NONE_MATCH, "If-None-Match", true)
}

fn tags(
    headers: &HeaderMap,
    name: &HeaderName,
    shown: &'static str,
    weak: bool,
) -> Result<Option<Tags>, ApiError> {
    let bad = || ApiError::BadHeader(shown, TAGS);
    let mut found = None;
    for value in headers.get_all(name) {
        let mut rest = value.to_str().map_err(|_| bad())?.trim();
        if rest == "*" && found.is_none() {
            found = Some(Tags::Any);
            continue;
        }
        let Tags::OneOf(list) = found.get_or_insert_with(|| Tags::OneOf(Vec::new())) else {
            return Err(bad());
        };
        while !rest.is_empty() {
            let (is_weak, quoted) = match rest.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let (tag, after) =
                quoted.strip_prefix('"').and_then(|text| text.split_once('"')).ok_or_else(bad)?;
            if (weak || !is_weak)
                && let Some(sequence) = parse_id(tag)
            {
                list.push(Sequence(sequence));
            }
            rest = after.trim_start();
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').ok_or_else(bad)?.trim_start();
            }
        }
    }
    // An empty list would hold for no state at all, which nobody means.
    if let Some(Tags::OneOf(list)) = &found
        && list.is_empty()
        && headers.get_all(name).iter().all(HeaderValue::is_empty)
    {
        return Err(bad());
    }
    Ok(found)
}

/// `Idempotency-Key`: 1–255 printable ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let bad = ApiError::BadHeader("Idempotency-Key", "1 to 255 printable ASCII characters, once");
    let Some(value) = only(headers, &IDEMPOTENCY_KEY).map_err(|()| bad.clone())? else { return Ok(None) };
    let bytes = value.as_bytes();
    let good = (1..=255).contains(&bytes.len()) && bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    if good { Ok(value.to_str().ok()) } else { Err(bad) }
}

/// `Ledger-Min-Sequence`: what the answer has to include.
pub fn min_sequence(headers: &HeaderMap) -> Result<Option<(Epoch, Sequence)>, ApiError> {
    let bad = ApiError::BadHeader(
        "Ledger-Min-Sequence",
        "<epoch>.<sequence> as in Ledger-Sequence, such as 0.42, once",
    );
    let Some(value) = only(headers, &LEDGER_MIN_SEQUENCE).map_err(|()| bad.clone())? else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.split_once('.')).and_then(|(epoch, sequence)| {
        Some((Epoch(u32::try_from(parse_id(epoch)?).ok()?), Sequence(parse_id(sequence)?)))
    });
    parsed.map(Some).ok_or(bad)
}

/// `Ledger-Sequence` of a write.
pub fn ledger_sequence(epoch: Epoch, sequence: Sequence) -> HeaderValue {
    HeaderValue::from_str(&format!("{}.{}", epoch.0, sequence.0))
        .expect("digits and a dot are a header value")
}

/// Whether a page of another site made a browser send this (SECURITY L15), and no site that is trusted. Programs send neither
/// header and pass.
pub fn is_cross_site(headers: &HeaderMap, public_url: &str, trusts: impl FnOnce(&str) -> bool) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next().map(HeaderValue::as_bytes), origins.next()) {
        (Some(origin), None) if origin != public_url.as_bytes() => {
            !std::str::from_utf8(origin).is_ok_and(trusts)
        }
        (_, None) => {
            let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
            sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
        }
        (_, Some(_)) => true,
    }
}

/// Whether a browser sends this for another site's page only after that page's site was allowed to (a preflight). What it
/// sends without asking may carry the password that it has kept of its user.
pub fn is_asked_first(method: &Method, headers: &HeaderMap) -> bool {
    let is_json = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        bytes.get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/json"))
    };
    let ours = [IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY, LEDGER_MIN_SEQUENCE];
    !matches!(*method, Method::GET | Method::HEAD | Method::POST)
        || headers.get(CONTENT_TYPE).is_some_and(is_json)
        || ours.iter().any(|name| headers.contains_key(name))
}

/// The one value of a header that may stand once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(()),
    }
}

/// The query of a request; each parameter is asked for once, and what is left is refused by name.
#[derive(Debug, Default)]
pub struct Query {
    left: Vec<(String, String)>,
}

impl Query {
    /// Reads `name=value&…`, percent-decoded; a name that stands twice is refused.
    pub fn of(uri: &Uri) -> Result<Query, ApiError> {
        let mut left: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if left.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::BadParameter(name.into_owned(), "stands there twice"));
            }
            // What is not UTF-8 is decoded to this character, and no name or value of ours holds it.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(ApiError::BadParameter(name.into_owned(), "is not UTF-8"));
            }
            left.push((name.into_owned(), value.into_owned()));
        }
        Ok(Query { left })
    }

    /// A parameter as text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let index = self.left.iter().position(|(other, _)| other == name)?;
        Some(self.left.swap_remove(index).1)
    }

    /// A parameter that is an id.
    pub fn id(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse_id(&text)
            .map(Some)
            .ok_or_else(|| ApiError::BadParameter(name.to_owned(), "must be an id: a whole number"))
    }

    /// A parameter that is `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::BadParameter(name.to_owned(), "must be true or false")),
        }
    }

    /// A parameter that names an event.
    pub fn sequence(&mut self, name: &str) -> Result<Option<Sequence>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse_id(&text).map(|number| Some(Sequence(number))).ok_or_else(|| {
            ApiError::BadParameter(name.to_owned(), "must be the sequence of an event: a whole number")
        })
    }

    /// `?limit=` (1–1000).
    pub fn limit(&mut self) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.text("limit") else { return Ok(None) };
        let limit = parse_id(&text).and_then(|limit| usize::try_from(limit).ok());
        limit.filter(|limit| (1..=1000).contains(limit)).map(Some).ok_or_else(|| {
            ApiError::BadParameter("limit".to_owned(), "must be a whole number from 1 to 1000")
        })
    }

    /// `?limit=` and `?after=<id>`.
    pub fn page(&mut self) -> Result<Page, ApiError> {
        Ok(Page { limit: self.limit()?, after: self.id("after")? })
    }

    /// HDP joins the filters of a list by semicolons: `?type=simple;isOData=true`. Reads what follows one as a parameter of
    /// its own, in values of the parameters named here.
    pub fn split_at_semicolons(&mut self, names: &[&str]) -> Result<(), ApiError> {
        let mut found = Vec::new();
        for (name, value) in &mut self.left {
            if !names.contains(&name.as_str()) {
                continue;
            }
            let Some((own, others)) = value.split_once(';') else { continue };
            for other in others.split(';') {
                let (name, value) = other.split_once('=').unwrap_or((other, ""));
                found.push((name.to_owned(), value.to_owned()));
            }
            *value = own.to_owned();
        }
        for (name, value) in found {
            if self.left.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::BadParameter(name, "stands there twice"));
            }
            self.left.push((name, value));
        }
        Ok(())
    }

    /// Everything was asked for; what is left is unknown.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.left.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::BadParameter(name, "is not known here")),
        }
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many; `None`: all.
    pub limit: Option<usize>,
    /// Only ids above this one.
    pub after: Option<u64>,
}

impl Page {
    /// The rows of this page, and the id to continue after when there are more.
    pub fn cut<T>(&self, rows: impl Iterator<Item = (u64, T)>) -> (Vec<T>, Option<u64>) {
        let mut rows = rows.filter(|(id, _)| self.after.is_none_or(|after| *id > after)).peekable();
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut page = Vec::new();
        let mut last = None;
        while page.len() < limit {
            let Some((id, row)) = rows.next() else { break };
            last = Some(id);
            page.push(row);
        }
        let next = last.filter(|_| rows.peek().is_some());
        (page, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a header value"));
        }
        headers
    }

    #[test]
    fn if_match_is_read_as_rfc_9110_says() {
        type Row = (&'static [&'static [u8]], Result<Option<Tags>, ()>);
        let rows: [Row; 14] = [
            (&[], Ok(None)),
            (&[b"*"], Ok(Some(Tags::Any))),
            (&[b"\"42\""], Ok(Some(Tags::OneOf(vec![Sequence(42)])))),
            (
                &[b"\"1\", \"2\"", b"\"3\""],
                Ok(Some(Tags::OneOf(vec![Sequence(1), Sequence(2), Sequence(3)]))),
            ),
            (&[b"W/\"42\""], Ok(Some(Tags::OneOf(vec![])))),
            (&[b"\"someone else's\""], Ok(Some(Tags::OneOf(vec![])))),
            (&[b"\"99999999999999999999999\""], Ok(Some(Tags::OneOf(vec![])))),
            (&[b"42"], Err(())),
            (&[b"\"42"], Err(())),
            (&[b"\"1\" \"2\""], Err(())),
            (&[b"*", b"\"1\""], Err(())),
            (&[b"\"1\"", b"*"], Err(())),
            (&[b""], Err(())),
            (&[b"\xff"], Err(())),
        ];
        for (values, expected) in rows {
            let values: Vec<(&'static str, &[u8])> =
                values.iter().map(|value| ("if-match", *value)).collect();
            assert_eq!(if_match(&headers(&values)).map_err(|_| ()), expected, "{values:?}");
        }
        let weak = headers(&[("if-none-match", b"W/\"42\"")]);
        assert_eq!(if_none_match(&weak).ok(), Some(Some(Tags::OneOf(vec![Sequence(42)]))));
    }

    #[test]
    fn an_idempotency_key_is_printable_and_short() {
        let long = [b'x'; 256];
        let rows: &[(&[u8], bool)] = &[
            (b"k", true),
            (&long[..255], true),
            (&long, false),
            (b"", false),
            (b"a\tb", false),
            (b"\xc3\xa9", false),
        ];
        for (value, good) in rows {
            assert_eq!(idempotency_key(&headers(&[("idempotency-key", value)])).is_ok(), *good, "{value:?}");
        }
        assert!(idempotency_key(&headers(&[("idempotency-key", b"a"), ("idempotency-key", b"a")])).is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn a_min_sequence_has_an_epoch() {
        let read =
            |value: &'static [u8]| min_sequence(&headers(&[("ledger-min-sequence", value)])).ok().flatten();
        assert_eq!(read(b"0.42"), Some((Epoch(0), Sequence(42))));
        for bad in
            [&b"42"[..], b"0.", b".1", b"0.-1", b"0.1.2", b"4294967296.0", b"0.18446744073709551616", b"a.b"]
        {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    type Sent = &'static [(&'static str, &'static [u8])];
    type SiteRow = (Sent, bool);

    #[test]
    fn l15_cross_site_requests_are_known_by_either_header() {
        let ours = "https://ledger.example";
        let rows: &[SiteRow] = &[
            (&[], false),
            (&[("sec-fetch-site", b"same-origin")], false),
            (&[("sec-fetch-site", b"none")], false),
            (&[("sec-fetch-site", b"cross-site")], true),
            (&[("sec-fetch-site", b"same-site")], true),
            (&[("origin", b"https://ledger.example")], false),
            (&[("origin", b"https://evil.example")], true),
            (&[("origin", b"null")], true),
            (&[("sec-fetch-site", b"same-origin"), ("origin", b"https://evil.example")], true),
        ];
        for (values, expected) in rows {
            assert_eq!(is_cross_site(&headers(values), ours, |_| false), *expected, "{values:?}");
        }
        let friend = |origin: &str| origin == "https://friend.example";
        let rows: &[SiteRow] = &[
            (&[("origin", b"https://friend.example")], false),
            (&[("sec-fetch-site", b"cross-site"), ("origin", b"https://friend.example")], false),
            (&[("sec-fetch-site", b"cross-site")], true),
            (&[("origin", b"https://friend.example"), ("origin", b"https://friend.example")], true),
            (&[("origin", b"https://friend.example"), ("origin", b"https://evil.example")], true),
            (&[("origin", b"\xff")], true),
            (&[("origin", b"")], true),
        ];
        for (values, expected) in rows {
            assert_eq!(is_cross_site(&headers(values), ours, friend), *expected, "{values:?}");
        }
    }

    #[test]
    fn a_browser_asks_before_it_sends_what_a_form_could_not() {
        let rows: &[(Method, Sent, bool)] = &[
            (Method::POST, &[], false),
            (Method::POST, &[("authorization", b"Basic YTpi")], false),
            (Method::POST, &[("content-type", b"text/plain")], false),
            (Method::POST, &[("content-type", b"application/x-www-form-urlencoded")], false),
            (Method::POST, &[("content-type", b"Application/JSON; charset=utf-8")], true),
            (Method::POST, &[("idempotency-key", b"k")], true),
            (Method::GET, &[], false),
            (Method::PUT, &[], true),
            (Method::DELETE, &[], true),
        ];
        for (method, values, expected) in rows {
            assert_eq!(is_asked_first(method, &headers(values)), *expected, "{method} {values:?}");
        }
    }

    #[test]
    fn a_query_is_read_whole_or_refused() {
        let query = |text: &'static str| Query::of(&Uri::from_static(text));
        for bad in ["/?a=1&a=2", "/?a=%ff", "/?%ff=1"] {
            assert!(query(bad).is_err(), "{bad}");
        }
        let mut good = query("/?user=Test%20User&tenantId=3&details=true&limit=10&after=4").expect("good");
        assert_eq!(good.text("user").as_deref(), Some("Test User"));
        assert_eq!(good.id("tenantId").ok(), Some(Some(3)));
        assert_eq!(good.flag("details").ok(), Some(true));
        assert_eq!(good.page().ok(), Some(Page { limit: Some(10), after: Some(4) }));
        assert!(good.finish().is_ok());
        assert!(query("/?limit=0").expect("good").page().is_err());
        assert!(query("/?limit=1001").expect("good").page().is_err());
        assert!(query("/?tenantId=-3").expect("good").id("tenantId").is_err());
        assert!(query("/?unknown=1").expect("good").finish().is_err());
    }

    #[test]
    fn filters_joined_by_semicolons_are_parameters_of_their_own() {
        let split = |text: &'static str| {
            let mut query = Query::of(&Uri::from_static(text)).expect("a query");
            query.split_at_semicolons(&["type", "isOData"]).map(|()| query)
        };
        let mut query = split("/?type=simple;isOData=true;x&name=a;b").expect("good");
        assert_eq!(query.text("type").as_deref(), Some("simple"));
        assert_eq!(query.text("isOData").as_deref(), Some("true"));
        assert_eq!(query.text("x").as_deref(), Some(""));
        assert_eq!(query.text("name").as_deref(), Some("a;b"));
        assert!(
            split("/?type=simple;type=group").is_err()
                && split("/?type=all;isOData=true&isOData=true").is_err()
        );
    }

    #[test]
    fn pages_of_a_list_cover_it_once() {
        let rows = || (1..=7_u64).map(|id| (id, id));
        assert_eq!(Page { limit: None, after: None }.cut(rows()), ((1..=7).collect(), None));
        assert_eq!(Page { limit: Some(3), after: None }.cut(rows()), (vec![1, 2, 3], Some(3)));
        assert_eq!(Page { limit: Some(3), after: Some(3) }.cut(rows()), (vec![4, 5, 6], Some(6)));
        assert_eq!(Page { limit: Some(3), after: Some(6) }.cut(rows()), (vec![7], None));
        assert_eq!(Page { limit: Some(7), after: None }.cut(rows()), ((1..=7).collect(), None));
    }
}
