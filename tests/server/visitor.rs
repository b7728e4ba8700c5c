//! Somebody at a browser, without one: goes where he is sent, keeps cookies, fills in the login form, and presses what he
//! wants on the consent page. Plain HTTP and the forms as they are, so that what a page needs is on the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::LazyLock;

use regex::Regex;
use url::{Url, form_urlencoded};

use crate::answers::{Answer, Client};

/// Steps from the authorize URL to the client; a visitor who needs more walks in a circle.
const STEPS: usize = 10;

/// A person with an account.
pub(crate) struct Visitor {
    address: SocketAddr,
    account: (String, String),
    cookies: BTreeMap<String, String>,
    /// Client ids that he denies.
    denies: Vec<String>,
    /// How many times he was asked to log in, and to consent.
    pub(crate) logins: usize,
    pub(crate) consents: usize,
}

/// A form of a page.
#[derive(Debug, Default)]
struct Form {
    action: String,
    method: String,
    /// Inputs with the values they come with.
    fields: Vec<(String, String)>,
    /// The names of the first input for a text and of the first for a password.
    text: Option<String>,
    password: Option<String>,
    /// Name, value and label of each button.
    buttons: Vec<(String, String, String)>,
}

impl Visitor {
    pub(crate) fn new(address: SocketAddr, (name, password): (&str, &str)) -> Self {
        Self {
            address,
            account: (name.to_owned(), password.to_owned()),
            cookies: BTreeMap::new(),
            denies: Vec::new(),
            logins: 0,
            consents: 0,
        }
    }

    /// What his browser keeps for us.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        self.cookies.values().map(String::as_str)
    }

    /// Denies this client.
    pub(crate) fn denying(mut self, client_id: &str) -> Self {
        self.denies.push(client_id.to_owned());
        self
    }

    fn base(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("a URL")
    }

    /// Goes to an authorize URL, and on until he is sent to the client: where that is.
    pub(crate) fn goes_to(&mut self, url: &str) -> String {
        let start = self.base().join(url).expect("a URL");
        let client = start.query_pairs().find(|(name, _)| name == "client_id").map(|(_, id)| id.into_owned());
        let denied = client.is_some_and(|id| self.denies.contains(&id));
        let (mut at, mut answer) = (start.clone(), self.asks("GET", &start, None));
        for _ in 0..STEPS {
            if let Some(location) = led_on(&answer) {
                let next = at.join(&location).unwrap_or_else(|error| panic!("{location}: {error}"));
                if next.origin() != self.base().origin() {
                    return next.into();
                }
                answer = self.asks("GET", &next, None);
                at = next;
                continue;
            }
            assert_eq!(answer.status, 200, "{at}: {}", answer.text());
            let form = forms(&answer.text())
                .into_iter()
                .find(|form| form.password.is_some() || form.buttons.len() > 1);
            let form = form.unwrap_or_else(|| panic!("{at} asks for nothing: {}", answer.text()));
            let body = self.fills_in(&form, denied);
            assert_eq!(form.method.to_lowercase(), "post", "{form:?}");
            let next = at.join(&form.action).expect("a form has an address");
            answer = self.asks("POST", &next, Some(&body));
            at = next;
        }
        panic!("{at} goes on and on: {}", answer.text());
    }

    fn fills_in(&mut self, form: &Form, denied: bool) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        if let Some(password) = &form.password {
            self.logins += 1;
            let name = form.text.as_ref().unwrap_or_else(|| panic!("no field for a name: {form:?}"));
            body.extend_pairs(form.fields.iter().filter(|(field, _)| field != name && field != password));
            body.append_pair(name, &self.account.0).append_pair(password, &self.account.1);
            return body.finish();
        }
        self.consents += 1;
        let wanted = if denied { "deny" } else { "allow" };
        let pressed = form.buttons.iter().find(|(_, _, label)| label.to_lowercase().contains(wanted));
        let (name, value, _) = pressed.unwrap_or_else(|| panic!("nothing says {wanted}: {form:?}"));
        body.extend_pairs(&form.fields).append_pair(name, value);
        body.finish()
    }

    /// One request as a browser sends it.
    fn asks(&mut self, method: &str, url: &Url, form: Option<&str>) -> Answer {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut cookies = String::new();
        for (name, value) in &self.cookies {
            let separator = if cookies.is_empty() { "" } else { "; " };
            write!(cookies, "{separator}{name}={value}").expect("a string takes it");
        }
        let origin = format!("http://{}", self.address);
        let mut headers = vec![("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        if form.is_some() {
            headers.push(("Origin", &origin));
            headers.push(("Sec-Fetch-Site", "same-origin"));
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let body = form.unwrap_or_default();
        let client = Client::new(self.address, None);
        let request = [&client.head(method, path, &headers, body.len()), body].concat();
        let answer = client.exchange(request.as_bytes()).expect("is answered");
        for set in answer.headers("set-cookie") {
            let (name, value) =
                set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// Where a browser goes on from an answer by itself: after a redirect, or from a page that refreshes to another address.
fn led_on(answer: &Answer) -> Option<String> {
    if matches!(answer.status, 302 | 303) {
        return Some(answer.header("location").expect("a redirect says where to").to_owned());
    }
    let page = answer.text();
    let (_, content) = page.split_once("http-equiv=\"refresh\" content=\"0;url=")?;
    content.split_once('"').map(|(address, _)| text(address))
}

/// The forms of a page. Our templates write every attribute in double quotes.
fn forms(page: &str) -> Vec<Form> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?is)<(form|input|button|/form)\b([^>]*)>([^<]*)").expect("a good expression")
    });
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in TAG.captures_iter(page) {
        let attribute = |name| attribute(&tag[2], name);
        match tag[1].to_lowercase().as_str() {
            "form" => {
                inside = true;
                let (action, method) = (attribute("action"), attribute("method"));
                let method = method.unwrap_or_else(|| "get".to_owned());
                forms.push(Form { action: action.unwrap_or_default(), method, ..Form::default() });
            }
            "/form" => inside = false,
            _ if !inside => {}
            kind => {
                let form = forms.last_mut().expect("inside of one");
                let (name, value) =
                    (attribute("name").unwrap_or_default(), attribute("value").unwrap_or_default());
                let of = attribute("type").unwrap_or_else(|| "text".to_owned());
                if kind == "button" {
                    form.buttons.push((name, value, text(&tag[3])));
                } else if of == "submit" {
                    form.buttons.push((name, value.clone(), value));
                } else {
                    match of.as_str() {
                        "password" => form.password = form.password.take().or_else(|| Some(name.clone())),
                        "text" => form.text = form.text.take().or_else(|| Some(name.clone())),
                        _ => {}
                    }
                    form.fields.push((name, value));
                }
            }
        }
    }
    forms
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| text(value))
}

/// Without the entities that our templates escape with.
fn text(escaped: &str) -> String {
    let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&amp;", "&").trim().to_owned()
}

#[test]
fn the_forms_of_a_page_are_read_as_a_browser_reads_them() {
    let page = r#"<form method="post" action="/a?b=1&amp;c=2"><input type="hidden" name="csrf" value="&quot;x&quot;">
        <input name="user" id="u" required><input type="password" name="word" required></form>
        <button name="out" value="side">No form's</button>
        <form method="post"><button type="submit" name="decision" value="yes">Allow access</button>
        <input type="submit" name="decision" value="Deny"></form>"#;
    let [login, consent] = &forms(page)[..] else { panic!("two forms") };
    assert_eq!((&*login.action, &*login.method), ("/a?b=1&c=2", "post"));
    assert_eq!(login.fields[0], ("csrf".to_owned(), "\"x\"".to_owned()));
    assert_eq!((login.text.as_deref(), login.password.as_deref()), (Some("user"), Some("word")));
    let labels: Vec<_> = consent.buttons.iter().map(|(_, _, label)| &**label).collect();
    assert_eq!(labels, ["Allow access", "Deny"]);
}
