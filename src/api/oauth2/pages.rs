//! The pages that people see on their way to an application: login, consent, and what went wrong. No script, one style sheet.
//!
//! Pure: what they show is given to them. Everything is escaped by the template engine (SECURITY L13).

use events::scope::Scope;
use maud::{DOCTYPE, Markup, html};

use super::{LOGIN, LOGOUT, STYLE};

/// What a page says before anything else, because of what just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The same for an unknown name, a wrong password and a locked account (hdp-api 9.25).
    WrongCredentials,
    /// Right password, inactive account.
    Inactive,
    /// Right password, but expired.
    Expired,
    /// Right password, but temporary.
    MustChange,
    /// Too many wrong ones; seconds to wait.
    Throttled(u64),
    /// Too many passwords are being checked.
    Busy,
    /// The form is older than the server, or than the last login in this browser.
    Stale,
    /// Between the page and the answer, what was asked for changed.
    Changed,
}

impl Notice {
    fn text(self) -> String {
        match self {
            Self::WrongCredentials => "Invalid user ID or password.".to_owned(),
            Self::Inactive => "This account is inactive. An administrator can activate it.".to_owned(),
            Self::Expired => "This password has expired. An administrator can give you a new one.".to_owned(),
            Self::MustChange => {
                "This password is temporary: change it first, then sign in with the new one.".to_owned()
            }
            Self::Throttled(secs) => {
                format!("Too many failed attempts. Try again in {}.", in_words(secs))
            }
            Self::Busy => "The server is busy. Try again in a moment.".to_owned(),
            Self::Stale => "This form was no longer valid. Please try once more.".to_owned(),
            Self::Changed => "What is asked for has changed. Please look at it again.".to_owned(),
        }
    }
}

fn in_words(secs: u64) -> String {
    match secs {
        0 | 1 => "a second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        _ => format!("{} minutes", secs.div_ceil(60)),
    }
}

/// Where a form returns to, and what shows that we made it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'a> {
    /// The query of the authorization request; empty when there is none.
    pub(super) query: &'a str,
    /// See [`crate::oauth::sessions::Sessions::form_token`].
    pub(super) token: &'a str,
}

impl Form<'_> {
    fn hidden(self) -> Markup {
        html! {
            input type="hidden" name="csrf" value=(self.token);
            @if !self.query.is_empty() { input type="hidden" name="query" value=(self.query); }
        }
    }
}

/// Asks for name and password.
pub(super) fn login(form: Form<'_>, notice: Option<Notice>) -> Markup {
    let about = notice.map(|_| "notice");
    page(
        "Sign in",
        &html! {
            h1 { "Sign in" }
            @if form.query.is_empty() {
                p.quiet { "With your Hybrid Data Pipeline user name." }
            } @else {
                p.quiet { "An application asks for access to your account. Sign in to see which one." }
            }
            (announced(notice))
            form method="post" action=(LOGIN) {
                (form.hidden())
                label for="username" { "User name" }
                input #username type="text" name="username" autocomplete="username" autocapitalize="none"
                    autocorrect="off" spellcheck="false" required autofocus aria-describedby=[about];
                label for="password" { "Password" }
                input #password type="password" name="password" autocomplete="current-password" required
                    aria-describedby=[about];
                div.buttons { button.primary type="submit" { "Sign in" } }
            }
        },
    )
}

/// Says who is logged in, and lets him out.
pub(super) fn signed_in(name: &str, form: Form<'_>) -> Markup {
    page(
        "Signed in",
        &html! {
            h1 { "You are signed in" }
            p { "As " strong.name { (name) } " in this browser." }
            form method="post" action=(LOGOUT) {
                (form.hidden())
                div.buttons { button type="submit" { "Sign out" } }
            }
        },
    )
}

/// Who registered an application, as far as the user may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registrant<'a> {
    /// The user himself.
    Himself,
    /// Another user of his tenant.
    Colleague(&'a str),
    /// The system tenant, whose users are nobody's business in another one.
    Operators,
}

/// Asks a user whether an application may act for him.
#[derive(Debug)]
pub(super) struct Consent<'a> {
    /// What the application calls itself.
    pub(super) client: &'a str,
    pub(super) registrant: Registrant<'a>,
    /// Where the answer goes, for people.
    pub(super) place: &'a str,
    /// Whether any program on the user's device could be who asks.
    pub(super) is_native: bool,
    /// What he has not allowed yet.
    pub(super) asked: &'a [Scope],
    /// What he has.
    pub(super) allowed: &'a [Scope],
    /// What his data sources reach.
    pub(super) stores: &'a [&'static str],
    /// Who is asked.
    pub(super) user: &'a str,
    /// The address of the form, with the authorization request as its query.
    pub(super) action: &'a str,
    /// `None` for who sent his credentials with the request and has no session.
    pub(super) forms: Option<Forms<'a>>,
    pub(super) notice: Option<Notice>,
}

/// What the two forms of a consent page carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forms<'a> {
    pub(super) consent_token: &'a str,
    pub(super) logout: Form<'a>,
}

/// The page with the two answers.
pub(super) fn consent(consent: &Consent<'_>) -> Markup {
    let Consent { client, asked, allowed, .. } = consent;
    page(
        "Allow access?",
        &html! {
            h1 { "Allow " span.name { (client) } " to use your account?" }
            (announced(consent.notice))
            dl.facts {
                dt { "Registered by" }
                dd {
                    @match consent.registrant {
                        Registrant::Himself => { "you" }
                        Registrant::Colleague(name) => { (name) ", a user of your tenant" }
                        Registrant::Operators => { "the operators of this server" }
                    }
                }
                dt { "Returns to" }
                dd { (consent.place) @if consent.is_native { ", on this device" } }
            }
            @if consent.is_native {
                p.notice.care {
                    "This application runs on a device, and any program there could call itself "
                    span.name { (client) } ". Go on only if you have just started it yourself."
                }
            }
            @if !asked.is_empty() {
                h2 { "It asks you to" }
                ul.scopes { @for scope in *asked { (scope_in_words(*scope, consent.stores)) } }
            }
            @if !allowed.is_empty() {
                h2 { "Allowed before" }
                ul.scopes { @for scope in *allowed { (scope_in_words(*scope, consent.stores)) } }
            }
            p.quiet {
                "It can do no more than you may do yourself, and never sees your password. You can take this back at any \
                time."
            }
            form method="post" action=(consent.action) {
                @if let Some(forms) = consent.forms {
                    input type="hidden" name="csrf" value=(forms.consent_token);
                }
                div.buttons {
                    button type="submit" name="decision" value="deny" { "Deny" }
                    button.primary type="submit" name="decision" value="allow" { "Allow" }
                }
            }
            div.who {
                p { "Signed in as " strong.name { (consent.user) } }
                @if let Some(forms) = consent.forms {
                    form method="post" action=(LOGOUT) {
                        (forms.logout.hidden())
                        button.link type="submit" { "Sign out" }
                    }
                }
            }
        },
    )
}

/// What a scope allows, said to the person who allows it.
fn scope_in_words(scope: Scope, stores: &[&'static str]) -> Markup {
    html! {
        li {
            @match scope {
                Scope::OData => {
                    strong { "Allow data access via OData" }
                    p { "Read and change data through your data sources." }
                    @if !stores.is_empty() {
                        p { "Yours lead to " (list(stores)) "." }
                    }
                }
                Scope::Mgmt => {
                    strong { "Allow managing what is yours" }
                    p {
                        "See, create, change and delete data sources, OAuth profiles and applications as you may. It sees \
                        none of the secrets in them."
                    }
                }
                Scope::Audit => {
                    strong { "Allow reading the history" }
                    p { "See who changed what and when, as far as you may." }
                }
            }
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Why an authorization request leads nowhere.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    /// For people.
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    /// What was compared with what, for who has to repair it.
    pub(super) details: &'a [(&'static str, Vec<String>)],
    /// RFC 6749's word and our sentence for it.
    pub(super) error: &'a str,
    pub(super) description: &'a str,
}

/// Says what is wrong, and leads nowhere.
pub(super) fn problem(problem: &Problem<'_>) -> Markup {
    page(
        problem.title,
        &html! {
            h1 { (problem.title) }
            p role="alert" { (problem.text) }
            @if !problem.details.is_empty() {
                dl.compared {
                    @for (name, values) in problem.details {
                        dt { (name) }
                        @for value in values { dd { code { (value) } } }
                    }
                }
            }
            p.quiet { code { (problem.error) } " " (problem.description) }
        },
    )
}

/// Leads on to the application. Right after a login a redirect would be part of what the login form sent, and the policy of that
/// page lets it lead nowhere but here; this page begins anew.
pub(super) fn leading_on(target: &str, place: &str) -> Markup {
    document(
        "Back to the application",
        &html! { meta http-equiv="refresh" content={ "0;url=" (target) }; },
        &html! {
            h1 { "You are signed in" }
            p { "On to " a.name href=(target) { (place) } "." }
        },
    )
}

/// What HEAD is answered with, which has no body.
pub(super) fn nothing() -> Markup {
    html! {}
}

fn announced(notice: Option<Notice>) -> Markup {
    html! {
        @if let Some(notice) = notice { p #notice .notice role="alert" { (notice.text()) } }
    }
}

fn page(title: &str, content: &Markup) -> Markup {
    document(title, &html! {}, content)
}

fn document(title: &str, head: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · authledger" }
                link rel="stylesheet" href=(STYLE);
                (head)
            }
            body {
                header { p { "authledger" } }
                main { (content) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(client: &str, notice: Option<Notice>) -> String {
        consent(&Consent {
            client,
            registrant: Registrant::Colleague("<b>bob</b>"),
            place: "app.example",
            is_native: false,
            asked: &[Scope::OData],
            allowed: &[Scope::Audit],
            stores: &["Google Analytics", "Salesforce", "Snowflake"],
            user: "\"alice\" onload=x",
            action: "/oauth2/authorize?a=1&b=\"><script>",
            forms: Some(Forms { consent_token: "t", logout: Form { query: "a=1&b=2", token: "u" } }),
            notice,
        })
        .into_string()
    }

    #[test]
    fn l13_whatever_a_name_holds_is_text() {
        let page = shown("</title><script>alert(1)</script>", Some(Notice::Changed));
        assert!(!page.contains("<script") && !page.contains("<b>bob"), "{page}");
        assert!(page.contains("&quot;alice&quot; onload=x"));
        assert!(page.contains("action=\"/oauth2/authorize?a=1&amp;b=&quot;&gt;&lt;script&gt;\""));
        let onward = leading_on("https://a.example/?x=\"><script>'", "a.example").into_string();
        assert!(!onward.contains("<script"), "{onward}");
    }

    #[test]
    fn s09_the_consent_page_names_client_registrant_place_scopes_and_what_they_reach() {
        let page = shown("Power BI", None);
        for said in [
            "Power BI",
            "a user of your tenant",
            "app.example",
            "Allow data access via OData",
            "Google Analytics, Salesforce and Snowflake",
            "Allow reading the history",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("any program there"));
    }

    #[test]
    fn l13_no_page_has_a_script_or_a_style_of_its_own() {
        let form = Form { query: "a=1", token: "t" };
        let described =
            Problem { title: "t", text: "x", details: &[], error: "invalid_request", description: "d" };
        for page in [
            login(form, Some(Notice::WrongCredentials)),
            signed_in("alice", form),
            problem(&described),
            leading_on("https://a.example/", "a.example"),
        ] {
            let page = page.into_string();
            for forbidden in ["<script", "style=", "<style", "onclick", "src="] {
                assert!(!page.contains(forbidden), "{forbidden}: {page}");
            }
        }
    }

    #[test]
    fn every_field_has_a_label_and_what_went_wrong_is_announced() {
        let page = login(Form { query: "", token: "t" }, Some(Notice::Throttled(61))).into_string();
        for id in ["username", "password"] {
            assert!(
                page.contains(&format!("<label for=\"{id}\">")) && page.contains(&format!("id=\"{id}\""))
            );
        }
        assert!(page.contains("role=\"alert\">Too many failed attempts. Try again in 61 seconds."), "{page}");
        assert_eq!([in_words(1), in_words(91)], ["a second", "2 minutes"]);
    }
}
