//! `/api/docs`: the document as a page, made here once and served as it is. No script, nothing from elsewhere: it reads the
//! same in a browser, in a text browser and on paper, and its policy (SECURITY L13) allows its own style sheet only.

mod samples;
mod shapes;

use axum::Extension;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::Response as Answer;
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::{OpenApi, RefOr, Required, Schema};

use super::{CODES, Documentation, tag};
use crate::api::codes;
use shapes::{rows, type_of};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shows this document to people.
///
/// A page without scripts, and without anything from another address.
#[utoipa::path(
    get, path = "/api/docs", tag = tag::DOCUMENT, operation_id = "getDocumentationPage",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html; charset=utf-8")),
)]
pub(in crate::api) async fn page(Extension(documentation): Extension<Arc<Documentation>>) -> Answer {
    of_ours("text/html; charset=utf-8", Body::from(documentation.page()))
}

/// How the page looks.
#[utoipa::path(
    get, path = "/api/docs/page.css", tag = tag::DOCUMENT, operation_id = "getDocumentationStyle",
    responses((status = 200, description = "The style sheet.", body = String, content_type = "text/css; charset=utf-8")),
)]
pub(in crate::api) async fn style() -> Answer {
    of_ours("text/css; charset=utf-8", Body::from(include_str!("page.css")))
}

fn of_ours(content_type: &'static str, body: Body) -> Answer {
    let mut answer = Answer::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

/// One operation, with everything the page says about it.
struct Entry<'a> {
    method: &'static str,
    path: &'a str,
    operation: &'a Operation,
}

impl Entry<'_> {
    fn id(&self) -> &str {
        self.operation.operation_id.as_deref().unwrap_or_default()
    }
}

fn entries<'a>(document: &'a OpenApi, tag: &'a str) -> impl Iterator<Item = Entry<'a>> {
    document.paths.paths.iter().flat_map(operations).filter(move |entry| {
        entry.operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|other| other == tag))
    })
}

fn operations<'a>((path, item): (&'a String, &'a PathItem)) -> impl Iterator<Item = Entry<'a>> {
    let of_path = [
        ("GET", &item.get),
        ("HEAD", &item.head),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("DELETE", &item.delete),
        ("PATCH", &item.patch),
    ];
    of_path
        .into_iter()
        .filter_map(move |(method, operation)| Some(Entry { method, path, operation: operation.as_ref()? }))
}

/// The whole page.
pub(super) fn render(document: &OpenApi) -> Markup {
    let tags = document.tags.as_deref().unwrap_or_default();
    let server =
        document.servers.as_ref().and_then(|servers| servers.first()).map_or("", |server| &server.url);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (document.info.title) " API" }
                link rel="stylesheet" href="/api/docs/page.css";
            }
            body {
                a.skip href="#content" { "To the operations" }
                nav aria-label="Operations" {
                    p.name { a href="#top" { (document.info.title) } " " span.version { (document.info.version) } }
                    @for tag in tags {
                        h2 { a href={ "#" (anchor(&tag.name)) } { (tag.name) } }
                        ul {
                            @for entry in entries(document, &tag.name) {
                                li {
                                    a href={ "#" (entry.id()) } {
                                        (badge(entry.method)) " "
                                        span { (entry.operation.summary.as_deref().unwrap_or(entry.path)) }
                                    }
                                }
                            }
                        }
                    }
                    h2 { a href="#error-codes" { "Error codes" } }
                }
                main #content {
                    header #top {
                        h1 { (document.info.title) " API" }
                        p.facts {
                            "Version " (document.info.version) " · OpenAPI 3.1: "
                            a href="/api/openapi.json" { "openapi.json" } " · " code { (server) }
                        }
                        (text(document.info.description.as_deref().unwrap_or_default()))
                    }
                    @for tag in tags {
                        section {
                            h2 #(anchor(&tag.name)) { (tag.name) }
                            (text(tag.description.as_deref().unwrap_or_default()))
                            @for entry in entries(document, &tag.name) { (article(document, server, &entry)) }
                        }
                    }
                    section {
                        h2 #error-codes { "Error codes" }
                        p {
                            "A code never changes its meaning. " code { "{0}" } " and " code { "{1}" }
                            " stand for what differs from case to case."
                        }
                        div.wide { table {
                            thead { tr { th { "Code" } th { "Message" } } }
                            tbody {
                                @for code in sorted_codes() {
                                    tr #{ "e" (code.number) } { td { code { (code.number) } } td { (code.message) } }
                                }
                            }
                        } }
                    }
                }
            }
        }
    }
}

fn sorted_codes() -> Vec<codes::Code> {
    let mut all = codes::ALL.to_vec();
    all.sort_by_key(|code| code.number);
    all
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn badge(method: &str) -> Markup {
    html! { span class={ "method " (method.to_lowercase()) } { (method) } }
}

fn article(document: &OpenApi, server: &str, entry: &Entry<'_>) -> Markup {
    let operation = entry.operation;
    let open = operation.security.as_ref().is_some_and(Vec::is_empty);
    html! {
        article #(entry.id()) {
            h3 {
                a.path href={ "#" (entry.id()) } { (badge(entry.method)) " " (breakable(entry.path)) }
            }
            p.summary {
                (operation.summary.as_deref().unwrap_or_default())
                @if open { " " span.open { "no credentials" } }
            }
            (text(operation.description.as_deref().unwrap_or_default()))
            (parameters(document, operation))
            @if let Some(RefOr::T(body)) = &operation.request_body {
                h4 { "Body" }
                (text(body.description.as_deref().unwrap_or_default()))
                @for content in body.content.values() {
                    @if let RefOr::T(content) = content && let Some(schema) = &content.schema {
                        (shape(document, schema, false))
                    }
                }
            }
            h4 { "Answers" }
            div.answers {
                @for (status, response) in &operation.responses.responses {
                    @if let RefOr::T(response) = response { (answer(document, status, response)) }
                }
            }
            h4 { "Try it" }
            pre tabindex="0" { code { (samples::curl(document, server, entry)) } }
        }
    }
}

fn parameters(document: &OpenApi, operation: &Operation) -> Markup {
    let all = operation.parameters.as_deref().unwrap_or_default();
    let known: Vec<&Parameter> = all.iter().filter_map(|parameter| resolved(document, parameter)).collect();
    html! {
        @if !known.is_empty() {
            h4 { "Parameters" }
            div.wide { table {
                thead { tr { th { "Name" } th { "In" } th { "Type" } th { "Meaning" } } }
                tbody {
                    @for parameter in known {
                        tr {
                            td { code { (parameter.name) } @if parameter.required == Required::True { (required()) } }
                            td { (place(&parameter.parameter_in)) }
                            td { @if let Some(schema) = &parameter.schema { (type_of(document, schema)) } }
                            td { (inline(parameter.description.as_deref().unwrap_or_default())) }
                        }
                    }
                }
            } }
        }
    }
}

fn place(place: &ParameterIn) -> &'static str {
    match place {
        ParameterIn::Path => "path",
        ParameterIn::Query | ParameterIn::QueryString => "query",
        ParameterIn::Header => "header",
        ParameterIn::Cookie => "cookie",
    }
}

fn resolved<'a>(document: &'a OpenApi, parameter: &'a RefOr<Parameter>) -> Option<&'a Parameter> {
    match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next()?;
            match document.components.as_ref()?.parameters.get(name)? {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            }
        }
    }
}

fn required() -> Markup {
    html! { " " span.required { "required" } }
}

/// A table of what an object holds, with what is worth a mark: in a body what must be there, in an answer what may be missing.
/// What is no object is named by its type.
fn shape(document: &OpenApi, schema: &RefOr<Schema>, is_answer: bool) -> Markup {
    let rows = rows(document, schema);
    html! {
        @if rows.is_empty() { p { (type_of(document, schema)) } } @else {
            div.wide { table {
                thead { tr { th { "Property" } th { "Type" } th { "Meaning" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td {
                                code { (row.name) }
                                @if is_answer && !row.required { " " span.required { "may be missing" } }
                                @if !is_answer && row.required { (required()) }
                            }
                            td { (row.kind) }
                            td { (inline(&row.about)) }
                        }
                    }
                }
            } }
        }
    }
}

fn answer(document: &OpenApi, status: &str, response: &Response) -> Markup {
    let codes: Vec<u64> = response
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get(CODES)?.as_array().cloned())
        .unwrap_or_default()
        .iter()
        .filter_map(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()))
        .collect();
    let good = status.starts_with('2') || status.starts_with('3');
    let (first, _) = response.description.split_once('\n').unwrap_or((&response.description, ""));
    let headers: Vec<&str> =
        response.headers.keys().map(String::as_str).filter(|name| *name != "X-Request-Id").collect();
    html! {
        details open[status.starts_with('2')] {
            summary {
                span class=(if good { "status good" } else { "status" }) { (status) } " " (inline(first))
            }
            @if !headers.is_empty() {
                p.headers { "Headers: " @for (i, name) in headers.iter().enumerate() { @if i > 0 { ", " } code { (name) } } }
            }
            @if !codes.is_empty() {
                dl {
                    @for number in codes {
                        dt { a href={ "#e" (number) } { code { (number) } } }
                        dd { (message(number)) }
                    }
                }
            } @else {
                @for content in response.content.values() {
                    @if let RefOr::T(content) = content && let Some(schema) = &content.schema {
                        (shape(document, schema, true))
                    }
                }
            }
        }
    }
}

fn message(number: u64) -> &'static str {
    codes::ALL.iter().find(|code| u64::from(code.number) == number).map_or("", |code| code.message)
}

/// A path that may be broken after each slash on a small screen.
fn breakable(path: &str) -> Markup {
    html! { code { @for part in path.split_inclusive('/') { (part) wbr; } } }
}

/// Paragraphs of the little Markdown that descriptions use.
fn text(markdown: &str) -> Markup {
    html! {
        @for paragraph in markdown.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            p { (inline(paragraph)) }
        }
    }
}

/// `code`, **strong** and *emphasis*.
fn inline(markdown: &str) -> Markup {
    html! {
        @for (i, piece) in markdown.split('`').enumerate() {
            @if i % 2 == 1 { code { (piece) } } @else {
                @for (i, piece) in piece.split("**").enumerate() {
                    @if i % 2 == 1 { strong { (piece) } } @else {
                        @for (i, piece) in piece.split('*').enumerate() {
                            @if i % 2 == 1 { em { (piece) } } @else { (piece) }
                        }
                    }
                }
            }
        }
    }
}
