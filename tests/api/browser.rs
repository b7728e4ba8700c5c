//! A browser, as far as our pages need one: it keeps a cookie, sends forms, and follows nothing by itself.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::house::{Answer, House};

pub(crate) const CLIENTS: &str = "/api/mgmt/oauth/client/applications";
pub(crate) const AUTHORIZE: &str = "/oauth2/authorize";
pub(crate) const CALLBACK: &str = "https://app.example/cb";
const FORM: &str = "content-type: application/x-www-form-urlencoded";

/// A registered client application.
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) client_id: String,
}

impl Client {
    /// Registers one that sends its answers to [`CALLBACK`], with these properties beside.
    pub(crate) async fn of(house: &House, owner: &str, name: &str, more: Value) -> Client {
        let mut body = json!({ "name": name, "redirectUrls": [CALLBACK] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let made = house.post_as(owner, CLIENTS, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let made = made.json();
        Client {
            id: made["id"].as_u64().expect("an id"),
            client_id: made["clientId"].as_str().expect("a client id").to_owned(),
        }
    }

    /// The address to which it sends a browser, with these parameters beside.
    pub(crate) fn link(&self, more: &str) -> String {
        let joint = if more.is_empty() { "" } else { "&" };
        format!("{AUTHORIZE}?response_type=code&client_id={}{joint}{more}", self.client_id)
    }
}

/// A browser with its cookie, on a server.
pub(crate) struct Browser<'a> {
    pub(crate) house: &'a House,
    pub(crate) cookie: Option<String>,
    /// Lines that it sends with everything.
    pub(crate) headers: Vec<&'static str>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(house: &'a House) -> Browser<'a> {
        Browser { house, cookie: None, headers: Vec::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, &[FORM], body).await
    }

    async fn send(&mut self, method: Method, path: &str, more: &[&str], body: String) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: other=1; {cookie}"));
        let mut headers = self.headers.clone();
        headers.extend(cookie.as_deref());
        headers.extend(more);
        let answer = self.house.send(method, path, &headers, Body::from(body)).await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().expect("ASCII");
            let pair = set.split(';').next().expect("a pair");
            self.cookie = if set.contains("Max-Age=0") { None } else { Some(pair.to_owned()) };
        }
        answer
    }

    /// Sends the form of a page that goes to `action`, with these fields beside those that are hidden.
    pub(crate) async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let (action, hidden) = form(page, action);
        let mut all: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(fields);
        self.post(&action, &all).await
    }

    /// Logs in on the page that `path` shows, and answers with what that leads to.
    pub(crate) async fn log_in(&mut self, path: &str, user: &str) -> Answer {
        let page = self.get(path).await;
        let (name, password) = user.split_once(':').expect("a name and a password");
        self.submit(&page, "/login", &[("username", name), ("password", password)]).await
    }

    /// Logs in on the way to `link`, and answers with the page after that.
    pub(crate) async fn come(&mut self, link: &str, user: &str) -> Answer {
        let led = self.log_in(link, user).await;
        assert_eq!(led.status, StatusCode::SEE_OTHER, "{}", text(&led));
        self.get(&location(&led)).await
    }

    /// Says `decision` on a consent page.
    pub(crate) async fn decide(&mut self, page: &Answer, decision: &str) -> Answer {
        self.submit(page, AUTHORIZE, &[("decision", decision)]).await
    }
}

pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("UTF-8")
}

pub(crate) fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_else(|| panic!("leads nowhere: {}", text(answer))).to_owned()
}

/// The parameters that an answer leads back with, to `target`.
pub(crate) fn led_back(answer: &Answer, target: &str) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(answer));
    let url = Url::parse(&location(answer)).expect("a URL");
    assert!(url.as_str().starts_with(target), "{url}");
    url.query_pairs().into_owned().collect()
}

/// One of them.
pub(crate) fn parameter(answer: &Answer, name: &str) -> Option<String> {
    led_back(answer, "").into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

/// Address and hidden fields of the form on a page whose address begins so.
pub(crate) fn form(page: &Answer, action: &str) -> (String, Vec<(String, String)>) {
    let page = text(page);
    let begin = format!("action=\"{action}");
    let at = page.find(&begin).unwrap_or_else(|| panic!("no form to {action}: {page}"));
    let form = &page[at..];
    let form = &form[..form.find("</form>").expect("it ends")];
    let value = |text: &str, name: &str| -> Option<String> {
        let rest = text.split_once(&format!("{name}=\""))?.1;
        let value = rest.split_once('"')?.0;
        let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        Some(plain.replace("&amp;", "&"))
    };
    let inputs = form.split("<input ").skip(1).filter(|input| input.starts_with("type=\"hidden\""));
    let hidden =
        inputs.map(|input| (value(input, "name").expect("a name"), value(input, "value").expect("a value")));
    (value(form, "action").expect("it begins so"), hidden.collect())
}
